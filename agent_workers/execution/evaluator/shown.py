"""What a judge is shown of a job: its results, the newest in full and the oldest first to go."""

import json
from typing import Final

from agent_workers.domain.agents.agent import Past, Purpose
from agent_workers.domain.step import Judged
from agent_workers.execution.agents.prompts import rendered
from agent_workers.execution.evaluator.by_model import EvaluateRequest
from agent_workers.execution.evaluator.checks_calls import criteria_of
from agent_workers.execution.evaluator.checks_work import Work
from agent_workers.execution.planner.situations import goal_of

# A context window is paid for: the newest results of a long job tell most of its end.
MOST_CHARS: Final = 40_000
LONGEST_RESULT: Final = 8_000


def request_of(work: Work, proposal: Judged) -> EvaluateRequest:
    """Write down what a judge has to know, in an order that depends on nothing but the job."""
    return EvaluateRequest(
        goal=goal_of(work.situation),
        results_json=results_of(work),
        draft=proposal.output,
        criteria=criteria_of(work),
        instructions=rendered(work.agent.declared, Purpose.EVALUATE),
    )


def results_of(work: Work) -> str:
    """Write the job's results, oldest first, as JSON text that fits a prompt."""
    superseded = {past.position for past in work.pasts} - {past.position for past in work.results}
    told: list[str] = []
    left = MOST_CHARS
    for past in reversed(work.situation.history):
        if past.kind != "tool" or past.position in superseded:
            continue
        one = json.dumps(_told(past), ensure_ascii=False)
        if len(one) > left:
            told.append('{"left_out": "older results"}')
            break
        left -= len(one)
        told.append(one)
    return f"[{', '.join(reversed(told))}]"


def _told(past: Past) -> dict[str, object]:
    told: dict[str, object] = {"id": past.call_id or f"call_{past.position}", "tool": past.tool}
    if past.type == "tool_failed":
        return told | {"error": past.value}
    written = json.dumps(past.value, ensure_ascii=False)
    if len(written) <= LONGEST_RESULT:
        return told | {"result": past.value}
    return told | {"cut": True, "chars": len(written), "start": written[:LONGEST_RESULT]}
