"""Waves of a plan: which of its calls can run now, from what has come of the others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from agent_workers.domain.agents.agent import Past, Situation
from agent_workers.domain.step import ToolCall
from agent_workers.domain.text.encoding import canonical
from agent_workers.execution.planner.references import Unresolved, resolved


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """How the plan of a round stands.

    `ready` can run now, with results in place of the references to them. `failed` ran without a
    result. `blocked` never can run, because something that it needs failed or was not in a result;
    `problems` says why, in words that hold no text of a tool.
    """

    ready: tuple[ToolCall, ...] = ()
    failed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def next_wave(situation: Situation) -> Wave:
    """Say what of this round's plan is to run next; a plan without dependencies has no next."""
    pasts = round_of(situation)
    calls = calls_of(pasts)
    newest = newest_of(pasts)
    left = [call for call in calls if call.call_id not in newest]
    failed = tuple(id_ for id_, past in newest.items() if past.type == "tool_failed")
    if not left:
        return Wave(failed=failed)
    return _standing(left, _results(newest), failed)


def calls_again(situation: Situation, ids: Collection[str] = ()) -> tuple[ToolCall, ...]:
    """Give these calls of the round to be run again, or all that failed; only what has run."""
    pasts = round_of(situation)
    newest = newest_of(pasts)
    results = _results(newest)
    again = [
        _ready(call, results)
        for call in calls_of(pasts)
        if (past := newest.get(call.call_id)) is not None
        and (call.call_id in ids if ids else past.type == "tool_failed")
    ]
    return tuple(again)


def round_of(situation: Situation) -> tuple[Past, ...]:
    """Pick the steps of the newest round, oldest first; older ones are not even looked at."""
    pasts: list[Past] = []
    for past in reversed(situation.history):
        if past.round < situation.round:
            break
        pasts.append(past)
    return tuple(reversed(pasts))


def calls_of(pasts: Sequence[Past]) -> tuple[ToolCall, ...]:
    """Read the calls of the newest plan among these steps, as they were planned."""
    for past in reversed(pasts):
        if past.type == "planned":
            return tuple(map(_call, past.value.get("calls", ())))
    return ()


def newest_of(pasts: Sequence[Past]) -> dict[str, Past]:
    """Match results with calls by their ids; of a call that was run again the newest counts."""
    return {past.call_id: past for past in pasts if past.kind == "tool" and past.call_id}


def _standing(
    left: Sequence[ToolCall], results: Mapping[str, object], failed: Sequence[str]
) -> Wave:
    place = {call.call_id: index for index, call in enumerate(left)}
    ready: list[ToolCall] = []
    blocked: dict[str, None] = {}
    problems: list[str] = []
    for call in _ordered(left):
        needed = [id_ for id_ in call.after if id_ in failed or id_ in blocked]
        if needed:
            blocked[call.call_id] = None
            problems.append(f"{call.call_id!r} cannot run without {needed[0]!r}")
        elif all(id_ in results for id_ in call.after):
            try:
                ready.append(_ready(call, results))
            except (Unresolved, ValueError) as missing:
                blocked[call.call_id] = None
                problems.append(f"{call.call_id!r} cannot run: {missing}")
    return Wave(
        ready=tuple(sorted(ready, key=lambda call: place[call.call_id])),
        failed=tuple(failed),
        blocked=tuple(blocked),
        problems=tuple(problems),
    )


def _ordered(left: Sequence[ToolCall]) -> Sequence[ToolCall]:
    """Put calls behind those that they need, so that one pass finds all that is blocked."""
    waiting = {call.call_id: call for call in left}
    needs = {id_: [n for n in call.after if n in waiting] for id_, call in waiting.items()}
    # A plan with a circle is refused before it is stored.
    return [waiting[id_] for id_ in TopologicalSorter(needs).static_order()]


def _results(newest: Mapping[str, Past]) -> dict[str, object]:
    return {id_: past.value for id_, past in newest.items() if past.type == "tool_ran"}


def _ready(call: ToolCall, results: Mapping[str, object]) -> ToolCall:
    # It waits for nothing any more: what is handed out now has no `after`.
    return ToolCall(
        tool=call.tool,
        arguments=resolved(call.arguments, results),
        call_id=call.call_id,
        description=call.description,
        done_when=call.done_when,
    )


# Mapping[str, Any] would be what json.loads gave; `codec.encode` wrote these fields.
def _call(stored: Mapping[str, object]) -> ToolCall:
    after = stored.get("after", ())
    assert isinstance(after, Sequence)
    return ToolCall(
        tool=str(stored["tool"]),
        arguments=canonical(stored["arguments"]),
        call_id=str(stored.get("id", "")),
        after=tuple(map(str, after)),
        description=str(stored.get("description", "")),
        done_when=str(stored.get("done_when", "")),
    )
