"""A model that was recorded once: replays replies by the hash of their requests, and calls nobody."""

import json
import os
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent_workers.domain.budget import Usage
from agent_workers.domain.text.encoding import canonical, digest
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.values import ModelReply, ModelRequest, ToolCallWish

_SHOWN = 200


class NotRecorded(ModelFailed):
    """The recording has no reply for a request; no model was asked."""

    def __init__(self, request: ModelRequest, file: Path) -> None:
        super().__init__(
            ErrorClass.BAD_REQUEST,
            f"{file.name} has no reply of {request.model!r} to a request to {request.purpose}"
            f" that ends in {_end_of(request)!r}; `pytest --record-models` records it",
            cost_known=True,
        )


class RecordedModel:
    """Replies from a file. `behind`: the model that is asked, once, for what is not in it yet.

    What is asked is kept as a hash and the end of its last message, replies as they came.
    """

    def __init__(self, file: Path, *, behind: Model | None = None) -> None:
        self._file = file
        self._behind = behind
        self._lock = threading.Lock()
        self._used: set[str] = set()
        # Any: JSON, as it was written.
        self._kept: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Replay, or ask and keep; a request that nobody recorded is an error."""
        name = hash_of(request)
        with self._lock:
            self._used.add(name)
            found = self._kept.get(name)
            if found is None:
                if self._behind is None:
                    raise NotRecorded(request, self._file)
                reply = self._behind.complete(request, deadline_s=deadline_s)
                found = self._kept[name] = _written(request, reply)
                self._keep()
        return _read(found["reply"])

    @property
    def unused(self) -> list[str]:
        """The ends of recorded requests that nobody made this time."""
        return [kept["asked"]["end"] for name, kept in self._kept.items() if name not in self._used]

    def _keep(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        written = json.dumps(self._kept, indent=1, sort_keys=True, ensure_ascii=False)
        fresh = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        fresh.write_text(f"{written}\n", "utf-8")
        fresh.replace(self._file)


def hash_of(request: ModelRequest) -> str:
    """Name a request so that only an equal one has the same name."""
    return digest(canonical(asdict(request))).hex()


# Any: JSON, as above.
def _written(request: ModelRequest, reply: ModelReply) -> dict[str, Any]:
    asked = {"model": request.model, "purpose": request.purpose, "end": _end_of(request)}
    return {"asked": asked, "reply": asdict(reply)}


def _read(reply: dict[str, Any]) -> ModelReply:
    calls = tuple(ToolCallWish(**call) for call in reply["tool_calls"])
    return ModelReply(**{**reply, "tool_calls": calls, "usage": Usage(**reply["usage"])})


def _end_of(request: ModelRequest) -> str:
    return request.messages[-1].content[-_SHOWN:] if request.messages else ""
