"""The effect protocol: what is written, in which order, and when a tool may act."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent_workers.domain.effect import (
    EffectClass,
    EffectRules,
    EffectState,
    LastPermit,
    OnDoubt,
    PermitMode,
    Says,
    Source,
)
from agent_workers.domain.ids import effect_key
from agent_workers.domain.reply import Happened, NotDone, Seen, Unclear
from agent_workers.domain.step import Broke, StepKind, ToolFailed, ToolRan
from agent_workers.orchestration.effects.act import EffectProtocol
from agent_workers.orchestration.effects.act_rules import Acted, Parked
from tests.unit.domain.test_effect import SILENCE
from tests.unit.orchestration.agents import JOB, claimed
from tests.unit.orchestration.ledger import START, Ledger, Tools, permitted

SECOND = timedelta(seconds=1)
UNSAFE = EffectRules(cls=EffectClass.UNSAFE, timeout=SECOND)
LOOKED_UP = replace(UNSAFE, cls=EffectClass.RECONCILABLE, has_lookup=True)
KEYED = replace(UNSAFE, cls=EffectClass.KEYED, key_ttl=timedelta(hours=1))
BROKE = Broke(code="reset", message="gone", retryable=True)


def run(
    ledger: Ledger,
    tools: Tools,
    rules: EffectRules = UNSAFE,
    *,
    tries: int = 0,
    most: int = 3,
    fence: int = 1,
) -> Acted | Parked:
    step = claimed(StepKind.TOOL, tool="pay", tries=tries, effect=rules.cls, fence=fence)
    return EffectProtocol(ledger, tools, tools).run(step, rules, max_tries=most)


def test_a_tool_acts_once_under_a_permit_and_a_timer_that_counts_from_before_it() -> None:
    ledger, tools = Ledger(), Tools()
    acted = run(ledger, tools)
    assert isinstance(acted, Acted)
    assert (acted.outcome, tools.acted) == (ToolRan(result=b"1"), [1])
    assert ledger.wrote == [("grant", PermitMode.FIRST, 1)]
    assert tools.deadlines == [UNSAFE.kernel_budget.total_seconds()]
    assert [(request, key) for _, request, key in tools.requests] == [(b"{}", effect_key(JOB, 1))]
    assert acted.proof is not None
    assert (acted.proof.attempt, acted.proof.says, acted.proof.result) == (1, Says.HAPPENED, b"1")


def test_a_result_that_is_not_what_the_tool_declares_is_proof_all_the_same_and_it_is_said() -> None:
    acted = run(Ledger(), Tools(reply=Happened(result=b'"x"')))
    assert isinstance(acted, Acted)
    assert acted.outcome == ToolRan(result=b'"x"', degraded="it is no number")
    assert acted.proof is not None
    assert (acted.proof.says, acted.proof.result) == (Says.HAPPENED, b'"x"')


def test_silence_and_refusal_are_proof_of_different_things() -> None:
    unclear = run(Ledger(), Tools(reply=Unclear(broke=BROKE)))
    refused = run(Ledger(), Tools(reply=NotDone(broke=BROKE)))
    assert isinstance(unclear, Acted)
    assert isinstance(refused, Acted)
    assert unclear.proof is not None
    assert refused.proof is not None
    assert (unclear.proof.says, refused.proof.says) == (Says.UNKNOWN, Says.NOT_EXECUTED)
    assert unclear.again(BROKE, 0, jitter=0.0) is not None
    assert refused.again(BROKE, 0, jitter=0.0) is None


def test_who_lost_the_fence_or_is_stopped_does_not_act() -> None:
    for result, why in (("fenced", "fenced"), ("stopping", "stopping")):
        ledger, tools = Ledger(result=result), Tools()
        assert run(ledger, tools) == Parked(why=why)
        assert (ledger.wrote, tools.acted) == ([], [])


def test_an_earlier_permit_that_may_still_act_is_waited_for_at_nobodys_cost() -> None:
    ledger, tools = Ledger(known=permitted(quiet=3 * SECOND)), Tools()
    acted = run(ledger, tools)
    assert isinstance(acted, Acted)
    assert acted.patience is not None
    assert 3 * SECOND < acted.patience < 4 * SECOND
    again = acted.again(BROKE, 0, jitter=0.0)
    assert again is not None
    assert (again.counts, tools.acted, ledger.wrote) == (False, [], [])


def test_silence_after_the_quiet_time_is_doubt() -> None:
    ledger, tools = Ledger(known=permitted()), Tools()
    assert run(ledger, tools) == Parked(why="in_doubt")
    assert (tools.acted, ledger.wrote) == ([], [("doubt", SILENCE)])


def test_what_a_look_up_finds_is_adopted_and_not_done_again() -> None:
    ledger = Ledger(known=permitted(attempt=2))
    tools = Tools(seen=Seen(found=True, result=b"7"))
    acted = run(ledger, tools, LOOKED_UP)
    assert isinstance(acted, Acted)
    assert (acted.outcome, acted.proof, tools.acted) == (ToolRan(result=b"7"), None, [])
    assert ledger.wrote == [("evidence", 2, Says.HAPPENED, Source.LOOKUP, b"7")]


def test_absence_is_written_before_the_next_permit() -> None:
    ledger, tools = Ledger(known=permitted()), Tools(seen=Seen())
    acted = run(ledger, tools, LOOKED_UP)
    assert isinstance(acted, Acted)
    assert ledger.wrote == [("absent",), ("grant", PermitMode.AFTER_ABSENT, 2)]
    assert tools.acted == [2]


def test_a_look_up_that_contradicts_itself_is_no_proof_of_absence() -> None:
    repeat = replace(LOOKED_UP, on_doubt=OnDoubt.REPEAT)
    ledger, tools = Ledger(known=permitted()), Tools(seen=Seen(contradictory="two"))
    run(ledger, tools, repeat)
    assert ledger.wrote == [("grant", PermitMode.REPEAT, 2)]


def test_a_look_up_that_failed_is_tried_again_later() -> None:
    ledger, tools = Ledger(known=permitted()), Tools(seen=Seen(broke=BROKE))
    acted = run(ledger, tools, LOOKED_UP)
    assert isinstance(acted, Acted)
    assert (acted.outcome, acted.patience) == (BROKE, SECOND)
    assert ledger.wrote == [("in vain", False)]


def test_the_waits_between_look_ups_that_fail_grow_to_a_minute_or_so() -> None:
    waits = []
    for failed in (1, 3, 900):
        ledger = Ledger(known=replace(permitted(), failed_looks=failed))
        acted = run(ledger, Tools(seen=Seen(broke=BROKE)), LOOKED_UP)
        assert isinstance(acted, Acted)
        waits.append(acted.patience)
    assert waits == [2 * SECOND, 8 * SECOND, 64 * SECOND]


def test_a_look_up_that_will_fail_again_is_told_to_a_person_after_as_many_as_the_tool_has_tries() -> (
    None
):
    hopeless = replace(BROKE, message="it has other arguments now", retryable=False)
    first = Ledger(known=permitted())
    run(first, Tools(seen=Seen(broke=hopeless)), LOOKED_UP)
    assert first.wrote == [("in vain", True)]
    third = Ledger(known=replace(permitted(), failed_looks=9, failed_looks_for_good=2))
    tools = Tools(seen=Seen(broke=hopeless))
    assert run(third, tools, LOOKED_UP) == Parked(why="in_doubt")
    reason = "The look-up failed 10 times; the last error was: it has other arguments now"
    assert (third.wrote, tools.acted) == ([("doubt", reason)], [])


def test_what_is_done_is_adopted_and_what_was_given_up_stays_so() -> None:
    done = replace(permitted(Says.HAPPENED), state=EffectState.DONE, result=b"5")
    given_up = replace(permitted(), state=EffectState.ABANDONED)
    adopted, failed = run(Ledger(known=done), Tools()), run(Ledger(known=given_up), Tools())
    assert adopted == Acted(outcome=ToolRan(result=b"5"))
    assert isinstance(failed, Acted)
    assert isinstance(failed.outcome, ToolFailed)


def test_an_assumption_is_written_down_as_one() -> None:
    ledger = Ledger(known=permitted())
    run(ledger, Tools(), replace(UNSAFE, on_doubt=OnDoubt.ASSUME_DONE))
    assert ledger.wrote == [("evidence", 1, Says.HAPPENED, Source.ASSUMED, b"null")]


def test_after_enough_tries_it_fails_where_it_is_certain_and_is_in_doubt_where_it_is_not() -> None:
    refused = Ledger(known=permitted(Says.NOT_EXECUTED))
    acted = run(refused, Tools(), tries=3)
    assert isinstance(acted, Acted)
    assert refused.wrote == [("abandon", "it took no effect in 3 attempts")]
    repeated = Ledger(known=permitted())
    assert run(repeated, Tools(), replace(UNSAFE, on_doubt=OnDoubt.REPEAT), tries=3) == (
        Parked(why="in_doubt")
    )


@pytest.mark.parametrize(
    ("tries", "said"),
    [(1, "it was the only attempt"), (3, "it was the last of 3 attempts")],
)
def test_a_doubt_counts_the_attempts_as_people_do(tries: int, said: str) -> None:
    ledger = Ledger(known=permitted())
    run(ledger, Tools(), replace(UNSAFE, on_doubt=OnDoubt.REPEAT), tries=tries, most=tries)
    assert str(ledger.wrote[-1][-1]).endswith(f"; {said}")


def test_a_living_key_is_used_on_however_often_it_was_tried() -> None:
    for on_doubt in (OnDoubt.ASK, OnDoubt.FAIL):
        ledger = Ledger(known=replace(permitted(), first_granted_at=START))
        run(ledger, Tools(), replace(KEYED, on_doubt=on_doubt), tries=300)
        assert ledger.wrote == [("grant", PermitMode.SAME_KEY, 2)]


def test_a_refused_repeat_ends_nothing_because_the_attempt_before_it_had_no_answer() -> None:
    refusal = NotDone(broke=ToolFailed(code="tool_error", message="404"))
    alone = run(Ledger(), Tools(reply=refusal), KEYED)
    assert isinstance(alone, Acted)
    assert (alone.outcome, alone.certainly_not) == (refusal.broke, True)
    open_ = Ledger(known=replace(permitted(), first_granted_at=START))
    repeat = run(open_, Tools(reply=refusal), KEYED)
    assert isinstance(repeat, Acted)
    assert isinstance(repeat.outcome, Broke)
    assert not repeat.certainly_not
    assert repeat.proof is not None
    assert (repeat.proof.says, repeat.proof.is_final) == (Says.NOT_EXECUTED, True)
    again = repeat.again(repeat.outcome, 50, jitter=0.0)
    assert again is not None
    assert (again.code, again.counts) == ("tool_error", True)


def test_a_look_up_that_fails_while_the_key_lives_keeps_nobody_from_using_it() -> None:
    known = replace(permitted(), first_granted_at=START)
    ledger, tools = Ledger(known=known), Tools(seen=Seen(broke=BROKE))
    run(ledger, tools, replace(KEYED, has_lookup=True), tries=3)
    assert ledger.wrote == [("grant", PermitMode.SAME_KEY, 2)]


def test_a_person_who_says_it_did_not_happen_gets_it_done_however_often_it_was_tried() -> None:
    last = LastPermit(attempt=1, says=Says.ABSENT, source=Source.VERDICT, quiet_after=START)
    ledger, tools = Ledger(known=replace(permitted(Says.ABSENT), last=last)), Tools()
    run(ledger, tools, tries=3)
    assert (ledger.wrote, tools.acted) == ([("grant", PermitMode.AFTER_VERDICT, 2)], [2])


def test_a_thread_may_go_on_with_a_key_for_as_long_as_the_key_lives() -> None:
    first, later = Tools(), Tools()
    age = timedelta(minutes=5)
    known = replace(permitted(), first_granted_at=START - age)
    run(Ledger(), first, KEYED)
    run(Ledger(known=known), later, KEYED, fence=2)
    assert KEYED.key_ttl is not None
    whole = KEYED.key_ttl - KEYED.settle
    assert first.deadlines == [whole.total_seconds()]
    assert later.deadlines == [(whole - age).total_seconds()]


def test_only_what_is_never_repeated_needs_a_process_of_its_own() -> None:
    assert {cls for cls in EffectClass if cls.ended_by_kernel} == {
        EffectClass.RECONCILABLE,
        EffectClass.UNSAFE,
    }
