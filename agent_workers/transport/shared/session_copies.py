"""Copies of conversations in Redis, each under the name of a past that never changes."""

import hashlib
import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from agent_workers.domain.memory.session import (
    Conversation,
    Role,
    SaidCall,
    SessionMessage,
    Summary,
)
from agent_workers.transport.shared.model_redis import AwayOrNot
from agent_workers.transport.shared.shared_values import SharedValues


class SessionCopies:
    """Gives what it was given, or nothing: whoever asks has the truth elsewhere."""

    def __init__(self, redis: AwayOrNot, *, pepper: str, kept_for: timedelta) -> None:
        self._values = SharedValues(redis, kind="session", pepper=pepper)
        self._ttl_ms = max(1, round(kept_for / timedelta(milliseconds=1)))

    def find(self, name: str) -> Conversation | None:
        """Give the copy, if there is one and Redis is there."""
        found = self._values.find(_key(name))
        return None if found is None else _read(found)

    def keep(self, name: str, conversation: Conversation) -> None:
        self._values.keep(_key(name), _written(conversation), ttl_ms=self._ttl_ms)


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _written(conversation: Conversation) -> bytes:
    return json.dumps(asdict(conversation), default=str).encode("ascii")


def _read(written: bytes) -> Conversation | None:
    try:
        kept = json.loads(written)
        summary = kept["summary"]
        return Conversation(
            messages=tuple(map(_message, kept["messages"])),
            summary=None if summary is None else Summary(**summary),
            to_fold=tuple(map(_message, kept["to_fold"])),
            version=kept["version"],
        )
    except (KeyError, TypeError, ValueError):
        # Another release may write otherwise: then there is nothing.
        return None


# Any: a message as `asdict` took it apart.
def _message(kept: dict[str, Any]) -> SessionMessage:
    return SessionMessage(
        turn=kept["turn"],
        role=Role(kept["role"]),
        text=kept["text"],
        calls=tuple(SaidCall(**call) for call in kept["calls"]),
        call_id=kept["call_id"],
        job_id=None if kept["job_id"] is None else UUID(kept["job_id"]),
        at=None if kept["at"] is None else datetime.fromisoformat(kept["at"]),
    )
