"""Breaks the protocol inside one process under trial; each function is one mistake."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from agent_workers.domain import permitting
from agent_workers.domain.claim import Claimed, RecordResult
from agent_workers.domain.effect import (
    Asked,
    Doubt,
    EffectClass,
    EffectRules,
    Grant,
    KnownEffect,
    LookedUp,
    PermitAnswer,
    PermitMode,
    Proof,
    Says,
    Tries,
)
from agent_workers.domain.errors import NotExecuted
from agent_workers.domain.ids import EffectKey, effect_key
from agent_workers.domain.permitting import decide_permit
from agent_workers.domain.reply import Happened, Reply
from agent_workers.domain.step import Broke, ToolRan
from agent_workers.execution.tools import calling, router
from agent_workers.execution.users_code import calling as users_code
from agent_workers.orchestration.effects import act, act_rules
from agent_workers.orchestration.effects.act import EffectProtocol, InTime
from agent_workers.orchestration.effects.act_rules import Acted, Parked
from agent_workers.state.database.engine import Connection
from agent_workers.state.steps.permits import Permits
from agent_workers.state.steps.records import Records
from agent_workers.worker.parts.timers import KernelTimer

Decide = Callable[[EffectRules, KnownEffect, datetime, LookedUp | None, Tries], PermitAnswer]


def key_per_attempt() -> None:
    _put(act, "effect_key", lambda *_: EffectKey(uuid4()))


def no_permit() -> None:
    """The tool acts, and only its outcome is written."""

    def run(
        self: EffectProtocol, claimed: Claimed, _rules: EffectRules, **_named: object
    ) -> Acted | Parked:
        key = effect_key(claimed.root_id, claimed.position)
        reply = self._tools.act(claimed, claimed.arguments, key=key, attempt=1)
        if isinstance(reply, Happened):
            return Acted(outcome=ToolRan(result=reply.result))
        return Acted(outcome=Broke(code="silence", message="no reply", retryable=True))

    _put(EffectProtocol, "run", run)


def look_up_before_quiet() -> None:
    _decides(_hasty)


def refused_connection_is_evidence() -> None:
    """A connection that was refused after the effect happened is taken for proof that it did not."""
    call = calling.call_tool

    def called(*given: Any) -> object:
        try:
            return call(*given)
        except ConnectionRefusedError as error:
            raise NotExecuted(str(error)) from None

    _put(router, "call_tool", called)


def escapes_end_workers() -> None:
    """What leaves a tool and is no `Exception` is taken for something that ends the process."""
    _put(users_code, "_ends_us", lambda _: True)


def refusal_closes_all() -> None:
    """A refused repeat ends the step, although an earlier attempt had no answer."""

    def closed(reply: Reply, key: EffectKey, attempt: int, *, alone: bool) -> Acted:
        del alone
        return act_rules.acted_of(reply, key, attempt, alone=True)

    _put(act, "acted_of", closed)


def tries_end_a_living_key() -> None:
    """Enough unclear replies are a doubt, although the key lives."""

    def decide(
        rules: EffectRules,
        known: KnownEffect,
        now: datetime,
        looked: LookedUp | None,
        tries: Tries,
    ) -> PermitAnswer:
        answer = decide_permit(rules, known, now, looked, tries)
        if answer == Grant(mode=PermitMode.SAME_KEY) and tries.made >= tries.most:
            return Doubt(reason="tried often enough")
        return answer

    _decides(decide)


def verdict_before_quiet() -> None:
    def decide(
        rules: EffectRules,
        known: KnownEffect,
        now: datetime,
        looked: LookedUp | None,
        tries: Tries,
    ) -> PermitAnswer:
        if known.last is not None and known.last.says is None:
            return Doubt(reason="in haste")
        return decide_permit(rules, known, now, looked, tries)

    _decides(decide)


def unsafe_retried() -> None:
    _decides(_again(EffectClass.UNSAFE, PermitMode.REPEAT))


def second_permit() -> None:
    _decides(_again(EffectClass.RECONCILABLE, PermitMode.FIRST))


def same_key_after_its_death() -> None:
    _put(permitting, "_key_lives", lambda *_: True)


def quiet_time_without_the_timer() -> None:
    """A permit counts as quiet while its holder may still act."""
    _put(EffectRules, "quiet_time", property(lambda self: self.settle))


def no_kernel_timer() -> None:
    @contextmanager
    def armed(_self: KernelTimer, _deadline: float) -> Iterator[None]:
        yield

    _put(KernelTimer, "armed", armed)


def paused_machine() -> None:
    """No mistake of ours: while a machine is paused, its clock and its timers stand still."""
    no_kernel_timer()
    _put(KernelTimer, "now", lambda _self: 0.0)


def paused_machine_trusts_itself() -> None:
    paused_machine()
    _put(InTime, "_by_their_clock", lambda *_: None)


def evidence_behind_the_fence() -> None:
    record = Records.record

    def fenced(self: Records, *args, connection: Connection | None = None, **named):
        recorded = record(self, *args, connection=connection, **named)
        if connection is not None and recorded.result is not RecordResult.RECORDED:
            raise RuntimeError("rolled back, evidence and all")
        return recorded

    _put(Records, "record", fenced)


def planned_again() -> None:
    """A second attempt sends what it would plan now, not what was intended."""
    ask = Permits.ask

    def anew(
        self: Permits, connection: Connection, claimed: Claimed, key: EffectKey, request: bytes
    ) -> Asked:
        planned = request.replace(b'"note":"', b'"note":"%d ' % claimed.fence)
        return replace(ask(self, connection, claimed, key, request), request=planned)

    _put(Permits, "ask", anew)


def statements_apart() -> None:
    """A transactional tool's statements run in a transaction of their own."""
    record_with = Records.record_with

    def apart(self: Records, claimed: Claimed, decision, statements, **named):
        with self._database.transaction() as connection:
            for statement in statements:
                connection.execute(statement.sql.encode(), statement.parameters)
        return record_with(self, claimed, decision, (), **named)

    _put(Records, "record_with", apart)


def evidence_in_advance() -> None:
    """What is about to happen is written down as if it had happened."""
    grant = Permits.grant

    def boasted(self: Permits, *args) -> None:
        grant(self, *args)
        connection, claimed, key, _, attempt, _ = args
        boast = Proof(key=key, attempt=attempt, says=Says.HAPPENED, result=b"null")
        self.evidence(connection, claimed, boast)

    _put(Permits, "grant", boasted)


def _decides(decide: Decide) -> None:
    _put(act, "decide_permit", decide)


def _again(cls: EffectClass, mode: PermitMode) -> Decide:
    """After silence, simply act once more."""

    def decide(
        rules: EffectRules,
        known: KnownEffect,
        now: datetime,
        looked: LookedUp | None,
        tries: Tries,
    ) -> PermitAnswer:
        silent = known.last is not None and known.last.says in {None, Says.UNKNOWN}
        if rules.cls is cls and silent:
            return Grant(mode=mode)
        return decide_permit(rules, known, now, looked, tries)

    return decide


def _hasty(
    rules: EffectRules,
    known: KnownEffect,
    now: datetime,
    looked: LookedUp | None,
    tries: Tries,
) -> PermitAnswer:
    """As if every permit were quiet already."""
    return decide_permit(rules, replace(known, quiet_after=None), now, looked, tries)


def _put(owner: object, name: str, mistake: object) -> None:
    """By name, past the type checker: a mistake need not fit."""
    setattr(owner, name, mistake)
