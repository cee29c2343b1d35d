"""Reads an HTTP answer off a connection: so many bytes at most, and for no longer than is left."""

import http.client
import io
import math
import socket
import time
import zlib
from dataclasses import dataclass
from email.message import Message

from typing_extensions import override

from agent_workers.domain.outside.http import HttpBounds, HttpRequest
from agent_workers.execution.outside.connecting import Left

# Headers, and what chunks cost beside the bytes that they carry.
_MOST_BESIDE = 256 * 1_024
_PIECE = 64 * 1_024
_LEAST_S = 0.001  # 0 would mean "do not wait" to the socket
_PATIENCE_S = 0.5  # for what is said beside a status that decides
_MOST_INTERIM = 10
_MOST_PARTS = 100  # of one gzip: with each the rest is copied
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class NoHttp(OSError):
    """What came back is no HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    status: int
    headers: Message
    body: bytes
    cut: bool = False
    broken: bool = False
    is_encoded: bool = False


def read_answer(
    connection: socket.socket, request: HttpRequest, bounds: HttpBounds, left: Left
) -> Read:
    """Read one answer; once its status is known, nothing that goes wrong loses it."""
    most = bounds.most_bytes
    raw = _Bounded(connection, left, 2 * most + _MOST_BESIDE)
    response = _begun(io.BufferedReader(raw), request.method, status_decides=bounds.status_decides)
    if bounds.status_decides:
        raw.end_within(_PATIENCE_S)
    body, broken = _body(response, most)
    cut = len(body) > most
    encoding = (response.getheader("content-encoding") or "identity").strip().lower()
    decoded, is_whole = _decoded(body[:most], encoding, most)
    return Read(
        status=response.status,
        headers=response.headers,
        body=body[:most] if decoded is None else decoded[:most],
        cut=cut or not is_whole,
        broken=broken and not cut,
        is_encoded=decoded is None,
    )


def _begun(
    stream: io.BufferedReader, method: str, *, status_decides: bool
) -> http.client.HTTPResponse:
    for _ in range(_MOST_INTERIM):
        response = http.client.HTTPResponse(_Stream(stream), method=method)  # type: ignore[arg-type]
        try:
            response.begin()
        except http.client.RemoteDisconnected:
            raise NoHttp("the connection was closed without an answer") from None
        except (http.client.HTTPException, ValueError) as error:
            if not (status_decides and response.status in range(http.client.OK, 600)):
                raise NoHttp(f"the answer is not HTTP ({type(error).__name__})") from None
            response.headers, response.length = http.client.HTTPMessage(), 0
            return response
        if response.status >= http.client.OK:
            return response
        response.fp = None  # type: ignore[assignment]  # or its end would close the stream
    raise NoHttp("only interim answers (1xx) came back")


def _body(response: http.client.HTTPResponse, most: int) -> tuple[bytes, bool]:
    """Read one byte more than is wanted, so that what was cut is known to be.

    Every piece is kept as it comes: whatever breaks off later takes none of it away.
    """
    length = response.length  # None: in chunks, or to the end of the connection
    end = most + 1 if length is None else min(length, most + 1)
    body = bytearray()
    try:
        while len(body) < end:
            piece = response.read1(min(_PIECE, end - len(body)))
            if not piece:
                return bytes(body), length is not None
            body += piece
    except (http.client.HTTPException, OSError, ValueError):
        return bytes(body), True
    return bytes(body), False


def _decoded(body: bytes, encoding: str, most: int) -> tuple[bytes | None, bool]:
    """Unpack what was packed without our asking, up to the bound, and say whether that is all.

    Nothing is returned for what is not of a kind we know.
    """
    if encoding in {"identity", ""}:
        return body, True
    if encoding not in _WINDOWS:
        return None, True
    unpacked, packed = b"", body
    try:
        for _ in range(_MOST_PARTS):
            one = zlib.decompressobj(_WINDOWS[encoding])
            unpacked += one.decompress(packed, most + 1 - len(unpacked))
            packed = one.unused_data
            if not packed or len(unpacked) > most:
                return unpacked, len(unpacked) <= most and (one.eof or not body)
    except zlib.error:
        return None, True
    return unpacked, False


class _Bounded(io.RawIOBase):
    """A socket that has so many bytes to say, and so much time."""

    def __init__(self, connection: socket.socket, left: Left, most: int) -> None:
        self._connection = connection
        self._left = left
        self._most = most
        self._end = math.inf

    def end_within(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @override
    def readable(self) -> bool:
        return True

    # Any: the buffer that io hands in is typed only from Python 3.12 on.
    @override
    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001
        if self._most <= 0:
            raise NoHttp("the answer does not end")
        self._connection.settimeout(max(_LEAST_S, min(self._left(), self._end - time.monotonic())))
        count = self._connection.recv_into(buffer)
        self._most -= count
        return count


class _Stream:
    """What http.client takes for a socket; several answers may be read off it."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def makefile(self, _: str) -> io.BufferedReader:
        return self._stream
