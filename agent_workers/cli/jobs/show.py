"""`agent-workers jobs show`: a job on one screen."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from agent_workers.cli.jobs.needs import Seen, lack_of, needs_of, run
from agent_workers.cli.jobs.steps import print_steps, tries_of
from agent_workers.domain.text.printable import printable, printable_line
from agent_workers.terminal.printing import bytes_in_words, counted, cut, shortened, width
from agent_workers.terminal.screening import BOLD, RED, status_style, styled
from agent_workers.terminal.times import clock, in_words, parsed

# Any: JSON as the API gave it.
Json = Mapping[str, Any]
# An output of this size is shown whole; of a larger one as many lines as fit on a screen.
_MOST_WHOLE = 4_096
_MOST_LINES = 20
_UNLIMITED = 1_000_000


def print_job(seen: Seen) -> None:
    """Print how it stands, what it waits for, its steps, and what came of it."""
    job = seen.job
    styled(BOLD, seen.id, end="  ")
    styled(status_style(job["status"]), job["status"])
    for name, words in _facts(seen):
        print(cut(f"  {name:<10} {words}", width()))
    for words in job["degraded"]:
        print(cut(f"  {'degraded':<10} {words}", width()))
    _print_needs(seen)
    if seen.steps:
        print()
        styled(BOLD, "Steps")
        print_steps(seen)
    if job["error"] is not None:
        print()
        print_error(job, seen.steps)
    elif job["status"] == "succeeded":
        print()
        styled(BOLD, "Output")
        _print_value(job["output"], seen.id)


def print_error(job: Json, steps: Any = ()) -> None:  # noqa: ANN401 (JSON)
    """Print why a job failed: where, and with the traceback of the code that raised it."""
    error: Json = job["error"]
    styled(RED, f"Error: {error['code']}")
    _print_text(error["message"])
    cause: Json = error.get("cause") or {}
    # Most often the job's message tells its cause already.
    if cause and cause.get("message") != error["message"]:
        place = f" (step {cause['position']})" if cause.get("position") is not None else ""
        print(f"  caused by {cause.get('code')} in {cause.get('tool') or 'the agent'}{place}:")
        _print_text(cause.get("message"))
    if cause.get("where"):
        print(f"  at {printable_line(str(cause['where']))}")
    for step in steps:
        raised: Json = step.get("error") or {}
        if raised.get("traceback"):
            print(f"\n  Step {step['position']}, {printable_line(str(raised.get('where') or ''))}")
            _print_text(raised["traceback"])


def _facts(seen: Seen) -> list[tuple[str, str]]:
    job = seen.job
    facts = [
        ("agent", f"{job['agent']} {job['agent_version']}".rstrip()),
        ("submitted", _age(seen)),
    ]
    took = _took(seen)
    if took:
        facts.append(("took" if job["finished_at"] else "running", took))
    facts.append(("cost", _cost(job["usage"])))
    tries = [tries_of(step) for step in seen.steps]
    deaths = sum(step["deaths"] for step in seen.steps)
    if any(count > 1 for count in tries) or deaths:
        told = f", {deaths} of which ended when the worker died" if deaths else ""
        facts.append(("runs", f"{sum(tries)} for {counted(len(tries), 'step')}{told}"))
    deadline = parsed(job["deadline_at"])
    if deadline is not None:
        left = deadline - seen.now
        ahead = f", in {in_words(left)}" if left > timedelta() else ""
        facts.append(("deadline", clock(deadline) + ("" if job["finished_at"] else ahead)))
    lacks = [lack_of(wait) for wait in job["waiting_for"]]
    # What stands in nearly no job is shown only where it does.
    named = {
        # What it waits for is told whole below.
        "detail": "" if job["status_detail"] in lacks else job["status_detail"],
        "workflow": job["workflow"],
        "session": job["session_id"],
        "user": job["user_id"],
        "parent": job["parent_job_id"],
        "batch": job["batch_id"],
        "schedule": job["schedule_id"],
    }
    facts += [(name, str(value)) for name, value in named.items() if value]
    metadata = ", ".join(f"{name}={value}" for name, value in job["metadata"].items())
    return [*facts, ("metadata", metadata)] if metadata else facts


def _age(seen: Seen) -> str:
    created = parsed(seen.job["created_at"])
    assert created is not None  # every job has been submitted
    return f"{clock(created)}, {in_words(seen.now - created)} ago"


def _took(seen: Seen) -> str:
    started, finished = parsed(seen.job["started_at"]), parsed(seen.job["finished_at"])
    if started is None:
        return ""
    return in_words((finished or seen.now) - started)


def _cost(usage: Json) -> str:
    tokens = usage["input_tokens"] + usage["output_tokens"]
    money = usage["cost_usd"].rstrip("0").rstrip(".")
    return f"{money} USD, {counted(tokens, 'token')}, {counted(usage['tool_calls'], 'tool call')}"


def _print_needs(seen: Seen) -> None:
    needs = needs_of(seen)
    if not needs:
        return
    print()
    styled(BOLD, "Waits for")
    for need in needs:
        print(f"  {need.text}")
        for command in need.commands:
            print(f"    {command}")


def _print_text(text: object) -> None:
    for line in str(text).splitlines():
        print(f"    {line}")


def _print_value(value: object, job_id: str) -> None:
    """Print a value whole; of a large one the beginning, and how to get the whole."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    size = len(text.encode("utf-8", "replace"))
    if size <= _MOST_WHOLE:
        for line in text.splitlines():
            print(f"  {printable(line)}")
        return
    room = width() - 2
    for line in text.splitlines()[:_MOST_LINES]:
        print(f"  {shortened(line, room)}")
    print(f"  … {bytes_in_words(size)} in all: {run('jobs', 'show', job_id, '--json')}")
