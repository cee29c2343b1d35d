"""Agents whose tools have every effect class, each counted by the world outside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from agent_workers.domain.agents.agent import Agent, Plan, Situation, Use
from agent_workers.domain.effect import EffectClass
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

_SETTLE = timedelta(milliseconds=50)
_KEY_TTL = timedelta(minutes=5)
# So short that a key dies while its holder is frozen; it must outlive a permit's quiet time.
_SHORT_KEY_TTL = timedelta(seconds=2.6)
LookedUp = Found[str] | Absent | Contradictory


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """The tools of one agent, all with the same time-out."""

    timeout: timedelta

    def tools(self, *, without: str = "") -> Sequence[Tool]:
        return [one for one in self._all() if one.name != without]

    def _all(self) -> tuple[Tool, ...]:
        return (
            self._tool(self._reading(), "pure", EffectClass.PURE),
            self._tool(self._acting(keyed=True), "keyed", EffectClass.KEYED, key_ttl=_KEY_TTL),
            self._tool(
                self._acting(keyed=True),
                "keyed_short",
                EffectClass.KEYED,
                key_ttl=_SHORT_KEY_TTL,
                look_up=self._looking_up(),
            ),
            self._tool(
                self._acting(keyed=False),
                "reconcilable",
                EffectClass.RECONCILABLE,
                look_up=self._looking_up(),
            ),
            self._tool(self._writing(), "transactional", EffectClass.TRANSACTIONAL),
            self._tool(self._acting(keyed=False), "unsafe", EffectClass.UNSAFE),
        )

    def _tool(
        self,
        function: Callable[..., object],
        name: str,
        effect: EffectClass,
        *,
        key_ttl: timedelta | None = None,
        look_up: Callable[..., object] | None = None,
    ) -> Tool:
        declare = tool(
            name=name,
            effect=effect,
            timeout=self.timeout,
            settle=_SETTLE,
            key_ttl=key_ttl,
            look_up=look_up,
        )
        return declare(function)

    def _reading(self) -> Callable[..., str]:
        def read(counter: str, subject: str) -> str:
            """Read something."""
            return counting.read(counter, subject, timeout_s=self._seconds)

        return read

    def _acting(self, *, keyed: bool) -> Callable[..., str]:
        def act(counter: str, subject: str, note: str = "", *, call: Call) -> str:
            """Let something happen outside."""
            wish = counting.Wish(subject=subject, key=call.key, note=note, keyed=keyed)
            return counting.act(counter, wish, timeout_s=self._seconds)

        return act

    def _looking_up(self) -> Callable[..., LookedUp]:
        def look_up(counter: str, subject: str, *, call: Call, **_: str) -> LookedUp:
            found = counting.find(counter, subject, key=call.key, timeout_s=self._seconds)
            if len(found) > 1:
                return Contradictory(f"{len(found)} effects")
            return Found(found[0]) if found else Absent()

        return look_up

    def _writing(self) -> Callable[..., Transaction[str]]:
        def write(counter: str, subject: str, *, call: Call) -> Transaction[str]:
            """Write into our own database."""
            counting.read(counter, subject, timeout_s=self._seconds)
            sql = "insert into proof_effects (subject, key) values (%(subject)s, %(key)s)"
            return Transaction([Statement(sql, {"subject": subject, "key": call.key})], subject)

        return write

    @property
    def _seconds(self) -> float:
        return self.timeout.total_seconds()


def _note(name: str) -> dict[str, str]:
    """Something in the request that must be the same in every attempt."""
    return {} if name in {"pure", "transactional"} else {"note": "as planned"}


def _plan(situation: Situation) -> Plan:
    """Use the tools that the input names; the n-th of them acts on the subject `NAME/n`."""
    wish = situation.input
    return Plan(
        [
            Use(
                name,
                {"counter": wish["counter"], "subject": f"{wish['subject']}/{n}"} | _note(name),
            )
            for n, name in enumerate(wish["tools"])
        ]
    )


# Its waits are short, so that many trials fit into a minute.
counted = Agent(
    name="counted",
    plan=_plan,
    tools=_Counted(timeout=timedelta(milliseconds=250)).tools(),
    step_timeout=timedelta(seconds=1),
)
# For a machine that is busy with restarts; keys that die soon would only be looked up.
patient = Agent(
    name="patient",
    plan=_plan,
    tools=_Counted(timeout=timedelta(seconds=1)).tools(without="keyed_short"),
    step_timeout=timedelta(seconds=5),
)
