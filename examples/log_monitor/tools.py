"""The monitor's tools: it looks at log lines and at the machine, restarts it, or tells people."""

import json
import os
import re
from collections import Counter
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from agent_workers import (
    Absent,
    Call,
    Contradictory,
    Effect,
    Found,
    NotExecuted,
    ToolError,
    tool,
)

# What the log says -> what it means, and whether a restart helps.
KNOWN_CAUSES = {
    "connection pool exhausted": ("connections are leaked", True),
    "out of memory": ("memory is leaked", True),
    "disk full": ("the disk is full", False),
}
UNKNOWN = ("no known cause", False)
_WAIT_S = 5
_FINE = 300


def diagnosed(lines: list[str]) -> dict[str, object]:
    """Say what log lines mean, and whether a restart helps."""
    errors = Counter(found.group(1) for line in lines if (found := re.search(r"ERROR (.+)", line)))
    known = next((cause for cause in KNOWN_CAUSES if any(cause in one for one in errors)), "")
    diagnosis, restart_helps = KNOWN_CAUSES.get(known, UNKNOWN)
    return {
        "errors": errors.total(),
        "most_frequent": errors.most_common(1)[0][0] if errors else "",
        "diagnosis": diagnosis,
        "restart_helps": restart_helps,
    }


@tool(effect=Effect.PURE, timeout=timedelta(seconds=30))
def inspect(service: str, lines: list[str]) -> dict[str, object]:
    """Tell from the log lines what is wrong with a service, and ask the machine how it is."""
    is_running = service in _listed("running")
    return {"service": service, "is_running": is_running} | diagnosed(lines)


def find_restart(service: str, *, call: Call) -> Found[object] | Absent | Contradictory:
    """Look whether this very call has restarted the service."""
    ours = [one for one in _listed("restarts") if one["key"] == call.key]
    if len(ours) > 1:
        return Contradictory(f"{service} was restarted {len(ours)} times by one call")
    return Found(ours[0]) if ours else Absent()


# The machine honours no key: a second request would restart it again. But one can look.
@tool(effect=Effect.RECONCILABLE, look_up=find_restart, timeout=timedelta(seconds=_WAIT_S))
def restart_service(service: str, *, call: Call) -> dict[str, object]:
    """Restart a service, once."""
    return _ask("POST", "/restarts", {"service": service, "key": call.key})


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=24), timeout=timedelta(seconds=_WAIT_S))
def file_ticket(service: str, subject: str, *, call: Call) -> dict[str, object]:
    """Leave a case to people, once."""
    return _ask("POST", "/tickets", {"service": service, "subject": subject, "key": call.key})


# Any: JSON of the machine's own shape.
def _listed(what: str) -> list[Any]:
    """Read one of the machine's lists."""
    listed = _ask("GET", "/")[what]
    return listed if isinstance(listed, list) else []


def _ask(method: str, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
    place = urlsplit(os.environ.get("LOG_MONITOR_URL", "")).netloc
    if not place:
        raise NotExecuted("set LOG_MONITOR_URL to the URL of the machine")
    connection = HTTPConnection(place, timeout=_WAIT_S)
    try:
        connection.request(method, path, json.dumps(body or {}))
        response = connection.getresponse()
        answer: dict[str, object] = json.loads(response.read())
    finally:
        connection.close()
    if response.status >= _FINE:
        raise ToolError(f"the machine answered {response.status}: {answer}")
    return answer
