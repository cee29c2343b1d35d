"""The trace of a job: its way through the layers, projected from what was stored."""

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Literal

from typing_extensions import TypedDict

from agent_workers.domain.ids import to_wire
from agent_workers.state.database.pages import Page
from agent_workers.state.jobs.reads import JobSeen
from agent_workers.state.jobs.steps import StepSeen
from api.http.shapes import Anything, page_of

# Any: stored JSON of the users' own shapes.
Entry = dict[str, Any]


class TraceEntryReply(TypedDict):
    """What a layer did for a request, and where in the request's way it stands."""

    request_id: str
    stage: str
    flow: Literal["admit", "execute", "respond"]
    payload: dict[str, Anything]


TraceList = page_of("Trace", TraceEntryReply)


# Where in a request's way each stage stands, in the journal's words.
_FLOW = {
    "gateway": "admit",
    "orchestrator": "execute",
    "tool_executor": "execute",
    "state_store": "respond",
}


def whole_rounds(page: Page[StepSeen]) -> Sequence[StepSeen]:
    """Leave a round that the page cuts to the next one; one that is alone is told in parts."""
    if not page.more:
        return page.rows
    last = page.rows[-1].round
    whole = list(takewhile(lambda step: step.round != last, page.rows))
    return whole or page.rows


def trace_of(job: JobSeen, steps: Sequence[StepSeen], *, from_start: bool = True) -> list[Entry]:
    """Tell, stage by stage, what came in, what was decided, what was done and what was kept."""
    metadata = json.loads(job.metadata)
    request_id = metadata.get("request_id") or to_wire(job.job_id)
    entries: list[Entry] = []

    def add(stage: str, payload: Entry) -> None:
        entry = {"request_id": request_id, "stage": stage, "flow": _FLOW[stage]}
        entries.append(entry | {"payload": payload})

    if from_start:
        add("gateway", _envelope(job, metadata, request_id))
    workflow = job.workflow
    for round_steps in _rounds(steps):
        for step in round_steps:
            if step.outcome_type == "planned":
                decision = _decision(step)
                workflow = decision["workflow"] or workflow
                add("orchestrator", decision)
            elif step.kind == "tool":
                add("tool_executor", _observation(step))
        kept = _kept(round_steps)
        if kept is not None:
            add("state_store", {"request_id": request_id, "workflow": workflow} | kept)
    return entries


def _rounds(steps: Sequence[StepSeen]) -> list[list[StepSeen]]:
    rounds: defaultdict[int, list[StepSeen]] = defaultdict(list)
    for step in steps:
        if step.outcome_type is not None:
            rounds[step.round].append(step)
    return [rounds[number] for number in sorted(rounds)]


def _envelope(job: JobSeen, metadata: Entry, request_id: str) -> Entry:
    given = json.loads(job.input or b"null")
    message, user_id = given, job.user_id or metadata.get("user_id")
    if isinstance(given, dict):
        message = given.get("message", given.get("goal", given))
        user_id = user_id or given.get("user_id")
    return {"request_id": request_id, "user_id": user_id, "message": message}


def _decision(step: StepSeen) -> Entry:
    planned = _json(step.outcome)
    calls = planned.get("calls", []) if isinstance(planned, dict) else []
    tools = [call.get("tool") for call in calls]
    workflow = planned.get("workflow", "") if isinstance(planned, dict) else ""
    decision: Entry = {"workflow": workflow, "tool": tools[0] if tools else "none"}
    return decision | {"tools": tools} if len(tools) > 1 else decision


def _observation(step: StepSeen) -> Entry:
    result = _json(step.outcome)
    return result if isinstance(result, dict) else {"result": result}


def _kept(steps: Sequence[StepSeen]) -> Entry | None:
    """Return what a round observed: one tool's result as it is, several by their names."""
    tools = [step for step in steps if step.kind == "tool"]
    if len(tools) == 1:
        return {"observation": _observation(tools[0])}
    if tools:
        return {"observation": {f"{s.tool}#{s.position}": _observation(s) for s in tools}}
    planned = next((step for step in steps if step.outcome_type == "planned"), None)
    if planned is not None:
        outcome = _json(planned.outcome)
        if isinstance(outcome, dict) and "answer" in outcome:
            return {"observation": {"answer": outcome["answer"]}}
    return None


def _json(stored: bytes | None) -> Any:  # noqa: ANN401 (stored JSON)
    return json.loads(stored or b"null")
