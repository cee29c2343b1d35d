"""An agent for random worlds: each call brings along how its tool behaves, attempt by attempt."""

from asyncio import CancelledError
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from agent_workers.domain.agents.agent import (
    Agent,
    Answer,
    Continue,
    Escalate,
    Plan,
    Replan,
    Retry,
    Situation,
    Use,
    Verdict,
)
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import NotExecuted, ToolError
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import (
    Absent,
    Call,
    Contradictory,
    Found,
    Statement,
    Tool,
    Transaction,
)
from agent_workers.testing import counting

_TIMEOUT = timedelta(milliseconds=400)
_SECONDS = _TIMEOUT.total_seconds()
_SETTLE = timedelta(milliseconds=60)
_KEY_TTL = timedelta(minutes=5)
LookedUp = Found[str] | Absent | Contradictory

# What a tool may do beside what its server does: before it acts, and after.
_BEFORE: Mapping[str, Callable[[], BaseException]] = {
    "not executed": lambda: NotExecuted("the tool did not begin"),
    "refuses": lambda: ToolError("the tool will not do that"),
    "breaks before": lambda: ValueError("the tool is broken"),
}
_AFTER: Mapping[str, Callable[[], BaseException]] = {
    "refused after": lambda: ConnectionRefusedError("the ledger cannot be reached"),
    "reset after": lambda: ConnectionResetError("the ledger went away"),
    "breaks after": lambda: ValueError("the reply was not what it should be"),
    "times out after": lambda: TimeoutError("the ledger is slow"),
    "is canceled after": CancelledError,
    "exits after": lambda: SystemExit(3),
}
MOODS = (*_BEFORE, *_AFTER)
VERDICTS = ("retry", "replan", "continue", "escalate")


def _mood(moods: Sequence[str], attempt: int) -> str:
    return moods[attempt - 1] if attempt <= len(moods) else ""


def _feel(among: Mapping[str, Callable[[], BaseException]], mood: str) -> None:
    if mood in among:
        raise among[mood]()


def _acting(*, keyed: bool) -> Callable[..., str]:
    def act(counter: str, subject: str, moods: list[str], *, call: Call) -> str:
        """Let something happen outside, in some mood."""
        mood = _mood(moods, call.attempt)
        _feel(_BEFORE, mood)
        wish = counting.Wish(subject=subject, key=call.key, note="as planned", keyed=keyed)
        result = counting.act(counter, wish, timeout_s=_SECONDS)
        _feel(_AFTER, mood)
        return result

    return act


def _read(counter: str, subject: str, moods: list[str]) -> str:
    """Read something, in some mood."""
    result = counting.read(counter, subject, timeout_s=_SECONDS)
    _feel({**_BEFORE, **_AFTER}, _mood(moods, _attempt_of(result)))
    return result


def _write(counter: str, subject: str, moods: list[str], *, call: Call) -> Transaction[str]:
    """Write into our own database, in some mood."""
    result = counting.read(counter, subject, timeout_s=_SECONDS)
    _feel({**_BEFORE, **_AFTER}, _mood(moods, _attempt_of(result)))
    sql = "insert into proof_effects (subject, key) values (%(subject)s, %(key)s)"
    return Transaction([Statement(sql, {"subject": subject, "key": call.key})], subject)


def _attempt_of(read: str) -> int:
    """What needs no permit does not know which attempt it is: who is read from counts."""
    return int(read.rpartition(" ")[2])


def _look_up(counter: str, subject: str, *, call: Call, **_: object) -> LookedUp:
    found = counting.find(counter, subject, key=call.key, timeout_s=_SECONDS)
    if len(found) > 1:
        return Contradictory(f"{len(found)} effects")
    return Found(found[0]) if found else Absent()


_KEYED = tool(
    name="keyed", effect=EffectClass.KEYED, key_ttl=_KEY_TTL, timeout=_TIMEOUT, settle=_SETTLE
)
_KEYED_SEEN = tool(
    name="keyed_seen",
    effect=EffectClass.KEYED,
    key_ttl=_KEY_TTL,
    look_up=_look_up,
    timeout=_TIMEOUT,
    settle=_SETTLE,
)
_RECONCILABLE = tool(
    name="reconcilable",
    effect=EffectClass.RECONCILABLE,
    look_up=_look_up,
    timeout=_TIMEOUT,
    settle=_SETTLE,
)
_TRANSACTIONAL = tool(name="transactional", effect=EffectClass.TRANSACTIONAL, timeout=_TIMEOUT)
_UNSAFE = tool(name="unsafe", effect=EffectClass.UNSAFE, timeout=_TIMEOUT, settle=_SETTLE)
TOOLS: tuple[Tool, ...] = (
    tool(name="pure", effect=EffectClass.PURE, timeout=_TIMEOUT)(_read),
    _KEYED(_acting(keyed=True)),
    _KEYED_SEEN(_acting(keyed=True)),
    _RECONCILABLE(_acting(keyed=False)),
    _TRANSACTIONAL(_write),
    _UNSAFE(_acting(keyed=False)),
)


def subject_of(world: str, round_: int, number: int) -> str:
    """Name what one call of one plan acts upon: another plan is another wish."""
    return f"{world}/r{round_}/{number}"


def _plan(situation: Situation) -> Plan:
    wish = situation.input
    return Plan(
        [
            Use(
                call["tool"],
                {
                    "counter": wish["counter"],
                    "subject": subject_of(wish["subject"], situation.round, number),
                    "moods": call["moods"],
                },
                id=f"c{number}",
                after=[f"c{number - 1}"] if call["waits"] and number else [],
            )
            for number, call in enumerate(wish["calls"])
        ]
    )


def _evaluate(situation: Situation) -> Verdict:
    """Say the verdicts of the input, one after the other; then the answer."""
    said = sum(past.type == "judged" for past in situation.history)
    verdicts = situation.input["verdicts"]
    word = verdicts[said] if said < len(verdicts) else ""
    match word:
        case "retry":
            return Retry((), "once more")
        case "replan":
            return Replan("another way")
        case "continue":
            return Continue("not yet")
        case "escalate":
            return Escalate("somebody stronger")
        case _:
            return Answer("done")


wild = Agent(
    name="wild",
    plan=_plan,
    evaluate=_evaluate,
    tools=TOOLS,
    step_timeout=timedelta(seconds=1),
)
