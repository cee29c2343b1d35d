"""Tells a situation to a model: the goal, and the rounds so far as turns of a conversation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from agent_workers.domain.agents.agent import Past, Situation
from agent_workers.domain.step import ToolCall
from agent_workers.domain.text.encoding import canonical
from agent_workers.execution.planner.waves import calls_of, newest_of

# A result of a megabyte would fill a context window, and be paid for again in every round.
MOST_CHARS: Final = 20_000
_NOT_RUN: Final = {"error": {"code": "not_run"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledTool:
    """A tool call of an earlier round with what came of it, both as JSON text."""

    id: str
    name: str
    arguments_json: str
    result_json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One earlier round: what was said or called, and what was said of it afterwards."""

    called: tuple[CalledTool, ...] = ()
    remark: str = ""
    # An answer that was not accepted.
    said: str = ""


def goal_of(situation: Situation) -> str:
    """Say what the job is about: its words, or all of its input when it names none."""
    return situation.text or canonical(situation.input).decode()


def turns_of(situation: Situation) -> tuple[Turn, ...]:
    """Tell the finished rounds, oldest first."""
    rounds = groupby(sorted(situation.history, key=_place), key=lambda past: past.round)
    return tuple(_turn(tuple(pasts)) for _, pasts in rounds)


def shown(past: Past) -> object:
    """Say what a tool gave; a huge result is cut, and says so."""
    if past.type == "tool_failed":
        return {"error": past.value}
    written = json.dumps(past.value, ensure_ascii=False)
    if len(written) <= MOST_CHARS:
        return past.value
    return {"cut": True, "chars": len(written), "start": written[:MOST_CHARS]}


def _place(past: Past) -> tuple[int, int]:
    return past.round, past.position


def _turn(pasts: Sequence[Past]) -> Turn:
    newest, round_ = newest_of(pasts), pasts[0].round
    calls = tuple(_called(call, newest.get(call.call_id), round_) for call in calls_of(pasts))
    # Of several verdicts the last one led to the next plan; the others went on with this one.
    last = max((past.position for past in pasts if past.type == "judged"), default=0)
    told = [past for past in pasts if past.type != "judged" or past.position == last]
    remark = "\n".join(filter(None, map(_remark, told)))
    return Turn(called=calls, said=_answer(pasts), remark=remark)


def _called(call: ToolCall, past: Past | None, round_: int) -> CalledTool:
    # Providers want a result for each call, also for one that a limit or a failure kept back.
    kept_back = f"call_not_run_{round_}_{call.call_id}"
    return CalledTool(
        id=kept_back if past is None else f"call_{past.position}",
        name=call.tool,
        arguments_json=call.arguments.decode(),
        result_json=json.dumps(_NOT_RUN if past is None else shown(past), ensure_ascii=False),
    )


def _answer(pasts: Sequence[Past]) -> str:
    answers = [past.value["answer"] for past in pasts if _is_answer(past)]
    if not answers:
        return ""
    return answers[-1] if isinstance(answers[-1], str) else canonical(answers[-1]).decode()


def _is_answer(past: Past) -> bool:
    return past.type == "planned" and "answer" in past.value


def _remark(past: Past) -> str:
    if past.type == "judged":
        return str(past.value.get("reason", ""))
    if past.type == "planned" and past.value.get("problems"):
        return f"Your last plan cannot be used: {'; '.join(past.value['problems'])}"
    if past.kind == "tool" and not past.call_id:
        # A verdict asked, so no turn of the model stands before this.
        return f"{past.tool}: {json.dumps(shown(past), ensure_ascii=False)}"
    return ""
