"""The worker's end of the queue: whatever stands in it, a message is a nudge or is passed over."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard
from uuid import UUID

import structlog
from celery.worker.consumer import Consumer
from typing_extensions import override

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane, StepKind
from agent_workers.transport.brokers.guarding import guard
from agent_workers.transport.doorbells.ring import Message, Ring, message_of

# A nudge has about 150; whoever sends more wants something else of us.
_MOST_BYTES: Final = 4_096
_LONGEST_TENANT: Final = 200
_LAST_POSITION: Final = 2**31 - 1
_JOB: Final = re.compile(r"[0-9a-f]{32}")
_NAME: Final = re.compile(r"[A-Za-z0-9_.@-]{1,200}")


class NoNudge(ValueError):
    """This message rings for no step."""


def heard(headers: object, body: object) -> Message:
    """Make the message that we would have sent for the same step; raises NoNudge."""
    if not isinstance(headers, Mapping):
        raise NoNudge("it has no headers")
    task_id = headers.get("id")
    if not _is_name(task_id):
        raise NoNudge("it has no id")
    ring = _ring(headers.get("task"), headers.get("parent_id"), _arguments(body))
    origin = headers.get("origin")
    return message_of(ring, origin=origin if _is_name(origin) else "", task_id=task_id)


def _ring(task: object, parent: object, arguments: tuple[object, object, object]) -> Ring:
    if not isinstance(task, str) or task not in set(StepKind):
        raise NoNudge("its task is not plan, tool or evaluate")
    tenant, job, position = arguments
    if not isinstance(tenant, str) or not tenant.isprintable() or len(tenant) > _LONGEST_TENANT:
        raise NoNudge("it names no tenant")
    if not isinstance(job, str) or not _JOB.fullmatch(job):
        raise NoNudge("it names no job")
    if type(position) is not int or not -1 <= position <= _LAST_POSITION:
        raise NoNudge("it names no step")
    kind = StepKind(task)
    return Ring(
        tenant_id=TenantId(tenant),
        job_id=JobId(UUID(job)),
        position=position,
        kind=kind,
        lane=Lane(kind.value),
        parent_id=parent if _is_name(parent) else None,
    )


def _arguments(body: object) -> tuple[object, object, object]:
    """Take the arguments out of a body, without what else Celery would do for it."""
    if not isinstance(body, bytes | str) or len(body) > _MOST_BYTES:
        raise NoNudge("its body is missing or too large")
    try:
        parts = json.loads(body)
    except (ValueError, RecursionError):
        raise NoNudge("its body is not JSON") from None
    match parts:
        case [[tenant, job, position], *_]:
            return tenant, job, position
        case _:
            raise NoNudge("its body does not have three arguments")


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


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
