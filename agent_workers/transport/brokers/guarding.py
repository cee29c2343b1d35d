"""Keeps what kombu itself does with a message from ending the process that reads it."""

from collections.abc import Callable
from queue import Empty
from typing import Any, Final

from redis.exceptions import RedisError

_POP: Final = "BRPOP"


# Channels and messages come from kombu, which has no types.
def guard(channel: Any, pass_over: Callable[[str], None]) -> None:  # noqa: ANN401
    """Have strays passed over, with the reason told, and no message unpacked."""
    plain = channel.Message

    class NeverUnpacked(plain):  # type: ignore[misc, valid-type]
        """A header could have kombu unpack a few bytes into gigabytes before we see them."""

        def __init__(self, raw: Any = None, *, payload: Any = None, **named: Any) -> None:  # noqa: ANN401
            given = payload if raw is None else raw
            _headers_of(given).pop("compression", None)
            super().__init__(given, **named)

    channel.Message = NeverUnpacked
    handlers = getattr(channel, "handlers", {})
    if _POP in handlers:
        handlers[_POP] = _reading(handlers[_POP], pass_over)


def _reading(
    read: Callable[..., object], pass_over: Callable[[str], None]
) -> Callable[..., object]:
    def read_or_pass_over(**options: object) -> object:
        try:
            return read(**options)
        except (Empty, OSError, RedisError):
            raise
        except Exception as error:  # noqa: BLE001 (whatever an entry of a list makes kombu raise)
            pass_over(type(error).__name__)
            return True

    return read_or_pass_over


def _headers_of(raw: Any) -> dict[str, Any]:  # noqa: ANN401
    """Find the headers: Redis has JSON, RabbitMQ an object."""
    named = raw if isinstance(raw, dict) else getattr(raw, "properties", {})
    headers = named.get("headers" if named is raw else "application_headers")
    return headers if isinstance(headers, dict) else {}
