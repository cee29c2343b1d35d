"""The worker's end of the queue: whatever stands in it, a message is a nudge or is passed over."""

import json
from collections.abc import Callable, Mapping
from queue import Empty
from typing import Any, Final

import structlog
from celery.worker.consumer import Consumer
from redis.exceptions import RedisError
from typing_extensions import override

from agent_workers.transport.heard import NoNudge, heard

log = structlog.get_logger(__name__)

_POP: Final = "BRPOP"


# Consumer, channels and messages come from Celery and kombu, which have no types.
class NudgeConsumer(Consumer):
    """Hands each message on as we would have written it, so that no header of others does anything."""

    passed_over = 0

    @override
    def create_task_handler(self, *arguments: Any, **named: Any) -> Callable[[Any], None]:
        """Called once for each connection, before it is consumed from."""
        handle = super().create_task_handler(*arguments, **named)
        self._guard(self.task_consumer.channel)

        def on_message(message: Any) -> None:  # noqa: ANN401
            try:
                nudge = heard(message.headers, message.body)
            except NoNudge as error:
                self._pass_over(str(error))
                message.reject_log_error(log, self.connection_errors)
                return
            message.headers = nudge.headers
            message.body = json.dumps(nudge.body).encode("ascii")
            message.content_type, message.content_encoding = "application/json", "utf-8"
            message.properties = {**message.properties, "reply_to": "", "priority": 0}
            if not isinstance(message.delivery_info, Mapping):
                message.delivery_info = {}
            handle(message)

        return on_message

    @override
    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._pass_over(type(exc).__name__)
        message.ack_log_error(log, self.connection_errors)

    def _guard(self, channel: Any) -> None:  # noqa: ANN401
        """Keep what kombu itself does with a message from ending the worker."""
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
            handlers[_POP] = self._reading(handlers[_POP])

    def _reading(self, read: Callable[..., object]) -> Callable[..., object]:
        def read_or_pass_over(**options: object) -> object:
            try:
                return read(**options)
            except (Empty, OSError, RedisError):
                raise
            except Exception as error:  # noqa: BLE001 (whatever an entry of a list makes kombu raise)
                self._pass_over(type(error).__name__)
                return True

        return read_or_pass_over

    def _pass_over(self, why: str) -> None:
        NudgeConsumer.passed_over += 1
        log.warning("message_passed_over", why=why, so_far=NudgeConsumer.passed_over)


def _headers_of(raw: Any) -> dict[str, Any]:  # noqa: ANN401
    """Find the headers: Redis has JSON, RabbitMQ an object."""
    named = raw if isinstance(raw, dict) else getattr(raw, "properties", {})
    headers = named.get("headers" if named is raw else "application_headers")
    return headers if isinstance(headers, dict) else {}
