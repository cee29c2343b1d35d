"""The steps of a job as a table, a line for each."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agent_workers.cli.jobs.needs import Seen, run
from agent_workers.terminal.printing import compact, counted, table
from agent_workers.terminal.screening import status_style, styled
from agent_workers.terminal.times import in_words, parsed

# Any: JSON as the API gave it.
Json = Mapping[str, Any]
_HEAD = ("step", "round", "kind", "tool", "status", "runs", "took", "result")
_MOST = 25


def print_steps(seen: Seen) -> None:
    """Print the newest steps, and how many came before them."""
    shown = seen.steps[-_MOST:]
    head, *lines = table([_HEAD, *(_row(step, seen) for step in shown)])
    print(head)
    for step, line in zip(shown, lines, strict=True):
        status = _status(step, seen)
        styled("" if status == "done" else status_style(status), line)
    left_out = len(seen.steps) - len(shown)
    if left_out:
        print(f"  ({counted(left_out, 'earlier step')}: {run('jobs', 'show', seen.id, '--json')})")


def tries_of(step: Json) -> int:
    """Count those that failed, those that ended with their worker, and the last one.

    What only found that it has to wait is none: for a person, or for another worker.
    """
    begun = step["status"] == "claimed" or step["done_at"] is not None
    tries: int = step["tries"] + step["deaths"] + begun
    return tries


def result_of(step: Json) -> str:
    """Say in a few words what a step gave, or what is wrong with it."""
    error = step.get("error") or {}
    # An attempt may have failed before it came out that it took effect.
    if error and step["outcome_type"] != "tool_ran":
        where = f" at {error['where']}" if error.get("where") else ""
        # The message of an exception begins with its type.
        kind = "" if error.get("type") else f"{error.get('code')}: "
        return f"{kind}{error.get('message')}{where}"
    outcome = step["outcome"]
    if step["outcome_type"] is None:
        return step["last_error"] or ""
    if step["outcome_type"] == "tool_ran" or not isinstance(outcome, dict):
        return compact(outcome)
    return _OUTCOMES.get(step["outcome_type"], compact)(outcome)


def _row(step: Json, seen: Seen) -> tuple[str, ...]:
    return (
        str(step["position"]),
        str(step["round"]),
        step["kind"],
        step["tool"] or "",
        _status(step, seen),
        str(tries_of(step) or ""),
        _took(step, seen.now),
        result_of(step),
    )


def _status(step: Json, seen: Seen) -> str:
    """A step that waits for something is ready to go on once it comes, and one may fail when done."""
    if step["outcome_type"] in {"tool_failed", "gave_up"}:
        return "failed"
    waits = {wait["position"] for wait in seen.job["waiting_for"]}
    status: str = step["status"]
    return "waiting" if status == "ready" and step["position"] in waits else status


def _took(step: Json, now: datetime) -> str:
    claimed, done = parsed(step["claimed_at"]), parsed(step["done_at"])
    if claimed is None or (done is None and step["status"] != "claimed"):
        return ""
    return in_words((done or now) - claimed)


def _planned(outcome: Json) -> str:
    problems = outcome.get("problems")
    if problems:
        return f"not usable: {compact(problems)}"
    tools = [str(call.get("tool")) for call in outcome.get("calls") or ()]
    return f"calls {', '.join(tools)}" if tools else f"answers {compact(outcome.get('answer'))}"


def _judged(outcome: Json) -> str:
    why = outcome.get("reason") or outcome.get("question") or ""
    return f"{outcome.get('verdict')}{f': {why}' if why else ''}"


def _failed(outcome: Json) -> str:
    instead = f"; calls {outcome['fallback']} instead" if outcome.get("fallback") else ""
    return f"{outcome.get('code')}: {outcome.get('message')}{instead}"


_OUTCOMES = {"planned": _planned, "judged": _judged, "tool_failed": _failed, "gave_up": _failed}
