"""A transport for httpx clients that calls checked addresses only, and reads no more than allowed."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable

import httpcore2
import httpx2
from typing_extensions import override

from agent_workers.domain.outside import Reach, Target, Uncallable, target_of
from agent_workers.execution.outside.connecting import Resolve, checked, resolved


class TooLong(httpx2.ReadError):
    """An answer has more bytes than allowed; it was not read any further."""


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """Follows no redirects, reads no variables of the environment, keeps connections to itself.

    With a proxy it is the proxy that looks names up, and that has to refuse private addresses.
    """

    # The pool is all that the parent would make, and it would make it without our connections.
    def __init__(
        self,
        reach: Reach,
        *,
        most_bytes: int,
        proxy: str = "",
        resolve: Resolve = resolved,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._reach = reach
        self._most_bytes = most_bytes
        context = context or ssl.create_default_context()
        if proxy:
            url = httpx2.Proxy(proxy)
            self._pool = httpcore2.AsyncHTTPProxy(
                proxy_url=str(url.url), proxy_auth=url.raw_auth, ssl_context=context
            )
        else:
            self._pool = httpcore2.AsyncConnectionPool(
                ssl_context=context, network_backend=_Checked(reach, resolve)
            )

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            target_of(str(request.url.copy_with(fragment=None)), self._reach)
        except Uncallable as error:
            raise httpx2.ConnectError(f"the URL {error}", request=request) from None
        request.headers["accept-encoding"] = "identity"
        response = await super().handle_async_request(request)
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            await response.aclose()
            raise httpx2.ReadError(f"the answer is encoded as {encoding!r}", request=request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Counted(response.stream, self._most_bytes)
        return response


class _Counted(httpx2.AsyncByteStream):
    """The bytes of one answer, up to so many."""

    def __init__(self, stream: httpx2.AsyncByteStream, most_bytes: int) -> None:
        self._stream = stream
        self._left = most_bytes

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise TooLong("the answer is longer than allowed")
            yield chunk

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


class _Checked(httpcore2.AsyncNetworkBackend):
    """Connects by an address that was checked; TLS still asks for the name."""

    def __init__(self, reach: Reach, resolve: Resolve) -> None:
        self._reach = reach
        self._resolve = resolve
        self._plain = httpcore2.AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        # The scheme says nothing here: the connection is made first, TLS comes after.
        target = Target(scheme="https", host=host, port=port, path="/")
        try:
            found = await asyncio.to_thread(checked, target, self._resolve, self._reach)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from None
        failure: Exception = httpcore2.ConnectError("the name has no address")
        for *_, place in found:
            try:
                return await self._plain.connect_tcp(
                    str(place[0]), port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure
