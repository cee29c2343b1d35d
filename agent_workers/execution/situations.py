"""Tells a situation to a model: the goal, the rounds so far, this round's results, the draft."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from agent_workers.domain.agent import Past, Situation
from agent_workers.domain.encoding import canonical

# A result of a megabyte would fill a context window, and be paid for again in every round.
MOST_CHARS: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledTool:
    """A tool call of an earlier round with what came of it, both as JSON text."""

    id: str
    name: str
    arguments_json: str
    result_json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One earlier round: what was called, and what an evaluator or a person said of it."""

    called: tuple[CalledTool, ...] = ()
    remark: str = ""


def goal_of(situation: Situation) -> str:
    """Say what the job is about: its words, or all of its input when it names none."""
    return situation.text or canonical(situation.input).decode()


def turns_of(situation: Situation) -> tuple[Turn, ...]:
    """Tell the finished rounds, oldest first."""
    rounds = groupby(sorted(situation.history, key=_place), key=lambda past: past.round)
    return tuple(_turn(tuple(pasts)) for _, pasts in rounds)


def results_of(situation: Situation) -> str:
    """Write what this round's tools gave, as JSON text that fits a prompt."""
    results = [{"tool": past.tool, "result": _shown(past)} for past in situation.results]
    return json.dumps(results, ensure_ascii=False)


def draft_of(situation: Situation) -> bytes | None:
    """Find the answer that this round's plan gave, if it gave one."""
    for past in reversed(situation.history):
        if past.round == situation.round and past.type == "planned" and "answer" in past.value:
            return canonical(past.value["answer"])
    return None


def _place(past: Past) -> tuple[int, int]:
    return past.round, past.position


def _turn(pasts: Sequence[Past]) -> Turn:
    asked = [
        call for past in pasts if past.type == "planned" for call in past.value.get("calls", [])
    ]
    tools = [past for past in pasts if past.kind == "tool"]
    # Tool steps stand in the order in which they were planned, each after its own call.
    called = tuple(
        CalledTool(
            id=f"call_{past.position}",
            name=past.tool,
            arguments_json=canonical(call["arguments"]).decode(),
            result_json=json.dumps(_shown(past), ensure_ascii=False),
        )
        for call, past in zip(asked, tools, strict=False)
    )
    reasons = [str(p.value.get("reason", "")) for p in pasts if p.type == "judged"]
    return Turn(called=called, remark="\n".join(filter(None, reasons)))


def _shown(past: Past) -> object:
    if past.type == "tool_failed":
        return {"error": past.value}
    written = json.dumps(past.value, ensure_ascii=False)
    if len(written) <= MOST_CHARS:
        return past.value
    return {"cut": True, "chars": len(written), "start": written[:MOST_CHARS]}
