"""The judge of a proof: which quarantines and doubts are fine, and which are failures."""

import time
from dataclasses import replace

from agent_workers.proving.soak.blows import Blows, Held
from agent_workers.proving.soak.hostile import is_starved
from agent_workers.proving.trials.judge import Seen, wrongs_of
from agent_workers.proving.trials.trials import BY_NAME, Due, Fault, Trial
from agent_workers.testing.counting import Count

_ONCE = Count(applied=1, keys=1, requests=1, reads=0, key_conflicts=0)
_NEVER = replace(_ONCE, applied=0)
_FINE = Seen(status="succeeded", counts=(_ONCE,), written=(0,))


def trial(variant: str, fault: Fault = Fault.NONE, *, due: Due = Due.ONCE) -> Trial:
    return Trial(number=1, variant=BY_NAME[variant], fault=fault, due=due)


def test_a_quarantine_is_fine_only_where_it_is_due() -> None:
    seen = replace(_FINE, status="quarantined")
    assert wrongs_of(trial("keyed"), seen) == ("unfinished: quarantined",)
    assert wrongs_of(trial("keyed"), replace(seen, quarantine_is_due=True)) == ()


def test_an_unsafe_effect_is_not_in_doubt_for_no_reason() -> None:
    seen = replace(_FINE, doubted=True)
    assert wrongs_of(trial("unsafe"), seen) == ()
    assert wrongs_of(trial("unsafe"), replace(seen, doubt_is_due=False)) == (
        "needless doubt: no fault hit the job",
    )


def test_where_nobody_can_know_somebody_has_to_be_asked() -> None:
    twin = trial("reconcilable", Fault.BEHAVES, due=Due.DOUBT)
    assert wrongs_of(twin, replace(_FINE, doubted=True)) == ()
    (unasked,) = wrongs_of(twin, _FINE)
    assert unasked.startswith("no doubt")
    assert wrongs_of(twin, replace(_FINE, struck=False)) == ()


def test_a_broken_assumption_makes_it_two_and_one_that_holds_does_not() -> None:
    twice = replace(_FINE, counts=(replace(_ONCE, applied=2),))
    forgotten = trial("keyed", Fault.BEHAVES, due=Due.DUPLICATE)
    assert wrongs_of(forgotten, twice) == ()
    (once,) = wrongs_of(forgotten, _FINE)
    (thrice,) = wrongs_of(forgotten, replace(_FINE, counts=(replace(_ONCE, applied=3),)))
    assert "happened 1 times" in once
    assert "happened 3 times" in thrice
    (duplicate,) = wrongs_of(trial("keyed", Fault.BEHAVES), twice)
    assert duplicate.startswith("duplicate")


def test_what_could_be_found_out_is_not_in_doubt_after_a_cancel() -> None:
    seen = replace(_FINE, status="canceled", left_behind=("in_doubt",))
    assert wrongs_of(trial("unsafe", Fault.CANCEL), seen) == ()
    (wrong,) = wrongs_of(trial("keyed", Fault.CANCEL), seen)
    assert wrong.startswith("needless doubt")


def test_a_canceled_job_tells_what_happened() -> None:
    done = replace(_FINE, status="canceled", left_behind=("done",))
    denied = replace(done, left_behind=("intended",))
    canceled = trial("keyed", Fault.CANCEL)
    assert wrongs_of(canceled, done) == ()
    (lost,) = wrongs_of(canceled, replace(done, counts=(_NEVER,)))
    (untold,) = wrongs_of(canceled, denied)
    assert (lost.partition(":")[0], untold.partition(":")[0]) == ("lost", "untold")


def test_a_blow_counts_against_the_process_that_it_fell_upon_while_it_held_the_step() -> None:
    blows, now = Blows(), time.time()
    blows.fall("kill -9", 7)
    assert blows.struck(Held(pid=7, since=now - 5, until=now + 5))
    assert not blows.struck(Held(pid=8, since=now - 5, until=now + 5))
    assert not blows.struck(Held(pid=7, since=now - 9, until=now - 5))


def test_what_befalls_everybody_is_no_blow_upon_one() -> None:
    blows, now = Blows(), time.time()
    blows.fall("Postgres crash", seconds=10)
    assert not blows.struck(Held(pid=7, since=now, until=now + 1))
    assert blows.disturbed(now, now + 1)
    assert not blows.disturbed(now - 9, now - 5)


def test_what_befell_anybody_is_known_by_its_name() -> None:
    blows, now = Blows(), time.time()
    blows.fall("lock of rows", seconds=3)
    assert blows.fell("lock of rows", now + 1, now + 2)
    assert not blows.fell("lock of rows", now + 9, now + 10)
    assert not blows.fell("kill -9", now + 1, now + 2)


def test_who_died_of_what_it_held_was_struck_from_then_on() -> None:
    blows = Blows()
    blows.died("hostile exit", [Held(pid=7, since=100.0, until=101.0)])
    assert blows.struck(Held(pid=7, since=99.0, until=103.0))
    assert not blows.struck(Held(pid=7, since=90.0, until=95.0))
    assert not blows.struck(Held(pid=8, since=99.0, until=103.0))


def test_who_waits_for_its_turn_is_not_starved_and_who_has_none_is() -> None:
    assert not is_starved(theirs=60, own=40)
    assert is_starved(theirs=99, own=39)
