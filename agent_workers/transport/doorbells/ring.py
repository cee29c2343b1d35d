"""A ring: which step wants a worker, and the Celery message (protocol 2) that says so."""

import os
import secrets
import socket
from dataclasses import dataclass, fields

from agent_workers.domain.claim import Due
from agent_workers.domain.ids import to_wire
from agent_workers.transport.brokers.lanes import queue_of

# What Celery puts behind the arguments of a task that is no part of a canvas.
NO_CANVAS: dict[str, None] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring(Due):
    """One doorbell. Doubled, late or lost it does no harm: the row in Postgres is the truth."""

    parent_id: str | None = None

    @property
    def queue(self) -> str:
        return queue_of(self.lane, high=self.high)


def ring_of(due: Due, parent: str | None) -> Ring:
    """Return the doorbell for a step that is due."""
    return Ring(**{one.name: getattr(due, one.name) for one in fields(Due)}, parent_id=parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A ring as Celery's own producer would send it."""

    task_id: str
    queue: str
    headers: dict[str, object]
    body: list[object]


def message_of(ring: Ring, *, origin: str, task_id: str = "") -> Message:
    """Write a ring as a message, under a new id unless it has one already."""
    job = ring.job_id.hex
    # The ending tells two rings of one step apart: Flower would show them as one task.
    task_id = task_id or f"{job}-{ring.position}-{secrets.token_hex(4)}"
    return Message(
        task_id=task_id,
        queue=ring.queue,
        headers=_headers(ring, task_id, origin),
        body=[[ring.tenant_id, job, ring.position], {}, NO_CANVAS],
    )


def origin_of_this_process() -> str:
    return f"nudge{os.getpid()}@{socket.gethostname()}"


def _headers(ring: Ring, task_id: str, origin: str) -> dict[str, object]:
    return {
        "lang": "py",
        "task": ring.kind.value,
        "id": task_id,
        "shadow": f"{ring.kind.value} {to_wire(ring.job_id)}#{ring.position}",
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": 0,
        "timelimit": [None, None],
        "root_id": ring.job_id.hex,
        "parent_id": ring.parent_id,
        "argsrepr": f"({ring.tenant_id!r}, {ring.job_id.hex!r}, {ring.position})",
        "kwargsrepr": "{}",
        "origin": origin,
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
