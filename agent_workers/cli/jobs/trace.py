"""`agent-workers jobs trace`: a job's way through the layers, a line for each stage."""

import json
from collections.abc import Sequence
from typing import Any

from agent_workers.terminal.printing import compact, table

# Any: JSON as the API gave it.
Json = dict[str, Any]


def print_trace(entries: Sequence[Json], *, head: bool = True) -> None:
    rows = [(entry["flow"], entry["stage"], _told(entry["payload"])) for entry in entries]
    lines = table([("part", "stage", "what"), *rows])
    for line in lines if head else lines[1:]:
        print(line)


def print_trace_json(entries: Sequence[Json]) -> None:
    """Print each entry as a line of JSON."""
    for entry in entries:
        print(json.dumps(entry, ensure_ascii=False))


def _told(payload: Json) -> str:
    """Leave out what is said of the whole request, or is not known."""
    shown = {
        name: value
        for name, value in payload.items()
        if name != "request_id" and value not in (None, "")
    }
    if set(shown) <= {"workflow", "observation"} and "observation" in shown:
        return f"keeps {compact(shown['observation'])}"
    return compact(shown)
