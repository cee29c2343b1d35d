"""The worker's end of the queue: whatever stands in it, a message is a nudge or is passed over."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from celery.worker.consumer import Consumer
from typing_extensions import override

from agent_workers.transport.brokers.guarding import guard
from agent_workers.transport.celery_app.heard import NoNudge, heard

log = structlog.get_logger(__name__)


# Consumer, channels and messages come from Celery and kombu, which have no types.
class NudgeConsumer(Consumer):
    """Hands each message on as we would have written it, so that no header of others does anything."""

    passed_over = 0

    @override
    def create_task_handler(self, *arguments: Any, **named: Any) -> Callable[[Any], None]:
        """Called once for each connection, before it is consumed from."""
        handle = super().create_task_handler(*arguments, **named)
        guard(self.task_consumer.channel, self._pass_over)

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

    def _pass_over(self, why: str) -> None:
        NudgeConsumer.passed_over += 1
        log.warning("message_passed_over", why=why, so_far=NudgeConsumer.passed_over)
