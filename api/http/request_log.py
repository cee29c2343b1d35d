"""One line for each request: what was asked, by whom, what was answered, and how long it took."""

import time

import structlog
from starlette.types import Message, Scope

from agent_workers.domain.ids import from_wire, to_wire
from agent_workers.state.access.keys import Caller

log = structlog.get_logger(__name__)

_HEALTH = "/health/"
_OURS = 500
_JOBS = b"/v1/jobs/"


class Answer:
    """What a request is answered, as far as it is known; status 0: whoever asked had left."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._began = time.perf_counter()
        self._location = b""
        self.status = 0

    def begins(self, message: Message) -> None:
        self.status = message["status"]
        self._location = dict(message["headers"]).get(b"location", b"")

    def say(self, *, only_ours: bool) -> None:
        """Say how it ended; neither path nor key is said, for both are the caller's."""
        if self.status >= _OURS:
            log.warning("request", **self._said())
        elif self._scope["path"].startswith(_HEALTH):
            log.debug("request", **self._said())
        elif not only_ours:
            log.info("request", **self._said())

    def _said(self) -> dict[str, object]:
        scope = self._scope
        said: dict[str, object] = {
            "method": scope["method"],
            "route": getattr(scope.get("route"), "path", "none"),
            "status": self.status,
            "ms": round((time.perf_counter() - self._began) * 1000, 1),
            "request_id": scope["request_id"],
        }
        if job_id := _job_of(scope, self._location):
            said["job_id"] = job_id
        caller = scope.get("caller")
        if isinstance(caller, Caller):
            said["tenant_id"], said["key_id"] = caller.tenant_id, caller.key_id
        return said


def _job_of(scope: Scope, location: bytes) -> str:
    """Return the job that was asked for, or has just been accepted."""
    named = scope.get("path_params", {}).get("job_id", "")
    if location.startswith(_JOBS):
        named = location.removeprefix(_JOBS).decode("latin-1")
    job_id = from_wire(named)
    return to_wire(job_id) if job_id else ""
