"""Tells the work of a job to whoever writes its answer: each call with what came of it."""

import json
from itertools import groupby

from agent_workers.domain.agents.agent import Past, Situation
from agent_workers.execution.planner.situations import shown
from agent_workers.execution.planner.waves import calls_of, newest_of


def work_done(situation: Situation) -> str:
    """Write all calls of the job, oldest first, with their results, as JSON text."""
    told: list[dict[str, object]] = []
    for _, pasts in groupby(situation.history, key=lambda past: past.round):
        told += _of_round(tuple(pasts))
    return json.dumps(told, ensure_ascii=False)


def results_so_far(situation: Situation) -> list[dict[str, object]]:
    """All results of the job that are still known, oldest first: an answer when nobody writes one."""
    return [
        {"tool": past.tool, "result": shown(past)}
        for past in situation.history
        if past.kind == "tool"
    ]


def objection_to(situation: Situation) -> str:
    """Say why the newest round did not do, when it was an answer."""
    newest = situation.history[-1].round if situation.history else 0
    pasts = [past for past in situation.history if past.round == newest]
    if not any(past.type == "planned" and "answer" in past.value for past in pasts):
        return ""
    reasons = [str(past.value.get("reason", "")) for past in pasts if past.type == "judged"]
    return reasons[-1] if reasons else ""


def _of_round(pasts: tuple[Past, ...]) -> list[dict[str, object]]:
    newest = newest_of(pasts)
    calls = [(call.call_id, call.tool, call.description) for call in calls_of(pasts)]
    planned = {call_id for call_id, _, _ in calls}
    # What a verdict asked of a person stands in no plan.
    others = [past for past in pasts if past.kind == "tool" and past.call_id not in planned]
    return [
        *(_told(call_id, tool, said, newest.get(call_id)) for call_id, tool, said in calls),
        *(_told(past.call_id, past.tool, "", past) for past in others),
    ]


def _told(call_id: str, tool: str, description: str, past: Past | None) -> dict[str, object]:
    said: dict[str, object] = {"call": call_id, "tool": tool}
    if description:
        said["description"] = description
    if past is None:
        return said | {"not_run": True}
    return said | {"id": f"call_{past.position}", "result": shown(past)}
