"""Sends one message to one URL, and says what came of it; never follows, never fails."""

import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import quote

from agent_workers.domain.outside.reach import Target, Uncallable, target_of
from agent_workers.domain.webhooks.url import reach_of
from agent_workers.domain.webhooks.webhook import Outcome, Unanswered
from agent_workers.execution.outside.connecting import (
    AddressRefused,
    Left,
    Resolve,
    checked,
    connected,
    resolved,
)
from agent_workers.execution.webhooks.answers import answer

_LONGEST_ERROR = 300
# At least something, so that a time-out of 0 does not mean "do not wait" to the socket.
_LEAST_S = 0.001


class OutOfTime(TimeoutError):
    """The whole time of an attempt is over."""


class Sender:
    """Knows no proxies, keeps no connections and no cookies."""

    def __init__(
        self,
        *,
        timeout_s: float,
        allow_private: bool,
        resolve: Resolve = resolved,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._reach = reach_of(allow_private=allow_private)
        self._resolve = resolve
        self._context = context or ssl.create_default_context()

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        end = time.monotonic() + self._timeout_s

        def left() -> float:
            seconds = end - time.monotonic()
            if seconds < _LEAST_S:
                raise OutOfTime
            return seconds

        try:
            target = target_of(url, self._reach)
            return self._sent(target, _request(target, headers, body), left)
        except Uncallable as error:
            return Unanswered(error=f"the URL {error}")
        except TimeoutError:
            return Unanswered(error=f"no answer within {self._timeout_s:g} s")
        except (OSError, UnicodeError) as error:
            return Unanswered(error=_said(error))

    def _sent(self, target: Target, request: bytes, left: Left) -> Outcome:
        found = checked(target, self._resolve, self._reach)
        left()  # a slow name server may have used up the time, and the lease with it
        with connected(target, found, context=self._context, left=left) as connection:
            connection.settimeout(left())
            with suppress(BrokenPipeError):  # an early answer may be there to be read
                connection.sendall(request)
            return answer(connection, left)


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {quote(target.path, safe='/?&=%:;@+$,!*()~.-_[]')} HTTP/1.1",
        f"host: {target.named}",
        "connection: close",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _said(error: OSError | UnicodeError) -> str:
    match error:
        case AddressRefused():
            said = str(error)
        case ssl.SSLError():
            said = f"TLS: {error.reason or error}"
        case ConnectionRefusedError():
            said = "the connection was refused"
        case ConnectionResetError():
            said = "the connection was reset"
        case _:
            said = f"{type(error).__name__}: {error}"
    return said.replace("\0", " ")[:_LONGEST_ERROR]
