"""The rule that grants, refuses or doubts a permit: every row of its table, and its promises."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent_workers.domain.effect import (
    Abandon,
    Adopt,
    Doubt,
    EffectClass,
    EffectRules,
    EffectState,
    Grant,
    KnownEffect,
    LastPermit,
    LookedUp,
    LookUp,
    OnDoubt,
    PermitAnswer,
    PermitMode,
    Says,
    Source,
    WaitUntil,
)
from agent_workers.domain.permitting import MOST_FAILED_LOOKS, decide_permit

SILENCE = "Attempt 1 gave no answer; nobody knows whether it took effect"
ABANDONED = "a person abandoned it (`agent-workers doubts resolve --abandon`)"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
EARLY, LATE = NOW + SECOND, NOW - SECOND  # the end of a quiet time: still to come, or over
TTL = timedelta(hours=1)
RULES = EffectRules(cls=EffectClass.UNSAFE, timeout=SECOND)
KEYED = replace(RULES, cls=EffectClass.KEYED, key_ttl=TTL)
LOOKED_UP = replace(RULES, cls=EffectClass.RECONCILABLE, has_lookup=True)
FOUND = LookedUp(began_at=NOW, found=True, result=b"1")
ABSENT = LookedUp(began_at=NOW, found=False)
FAILED = LookedUp(began_at=NOW, found=False, failed=True, problem="gone")
CONTRADICTORY = LookedUp(began_at=NOW, found=False, contradictory="two of them")


def known(
    says: Says | None = None,
    *,
    quiet: datetime | None = LATE,
    source: Source | None = None,
    first: datetime = NOW - timedelta(hours=2),
    state: EffectState = EffectState.INTENDED,
) -> KnownEffect:
    """An effect of one permit, which nothing is known of unless `says` says so."""
    last = LastPermit(attempt=1, says=says, source=source, quiet_after=quiet or NOW)
    return KnownEffect(
        state=state, result=None, first_granted_at=first, quiet_after=quiet, last=last
    )


NONE = KnownEffect(
    state=EffectState.INTENDED, result=None, first_granted_at=None, quiet_after=None, last=None
)
REFUSED = known(Says.NOT_EXECUTED, quiet=None, source=Source.REPLY)
ALIVE = NOW - SECOND
TABLE: list[tuple[str, EffectRules, KnownEffect, LookedUp | None, PermitAnswer]] = [
    ("the first permit", RULES, NONE, None, Grant(mode=PermitMode.FIRST)),
    ("refused", RULES, REFUSED, None, Grant(mode=PermitMode.AFTER_REFUSAL)),
    (
        "seen to be absent",
        LOOKED_UP,
        known(Says.ABSENT, quiet=None, source=Source.LOOKUP),
        None,
        Grant(mode=PermitMode.AFTER_ABSENT),
    ),
    (
        "judged not to have happened",
        RULES,
        known(Says.ABSENT, quiet=None, source=Source.VERDICT),
        None,
        Grant(mode=PermitMode.AFTER_VERDICT),
    ),
    ("silence, not quiet", RULES, known(quiet=EARLY), None, WaitUntil(at=EARLY)),
    ("unclear, not quiet", RULES, known(Says.UNKNOWN, quiet=EARLY), None, WaitUntil(at=EARLY)),
    ("silence", RULES, known(), None, Doubt(reason=SILENCE)),
    ("unclear", RULES, known(Says.UNKNOWN), None, Doubt(reason=SILENCE)),
    (
        "a living key",
        KEYED,
        known(first=ALIVE, quiet=EARLY),
        None,
        Grant(mode=PermitMode.SAME_KEY),
    ),
    (
        "a living key whose repeat was refused",
        KEYED,
        known(Says.NOT_EXECUTED, first=ALIVE, source=Source.REPLY, quiet=EARLY),
        None,
        Grant(mode=PermitMode.SAME_KEY),
    ),
    ("a dead key, not quiet", KEYED, known(quiet=EARLY), None, WaitUntil(at=EARLY)),
    ("a dead key", KEYED, known(), None, Doubt(reason=SILENCE)),
    ("a dead key, look-up", replace(KEYED, has_lookup=True), known(), None, LookUp()),
    (
        "a dead key, absent",
        replace(KEYED, has_lookup=True),
        known(),
        ABSENT,
        Grant(mode=PermitMode.AFTER_ABSENT),
    ),
    ("look-up, not quiet", LOOKED_UP, known(quiet=EARLY), None, WaitUntil(at=EARLY)),
    ("look-up", LOOKED_UP, known(), None, LookUp()),
    ("found", LOOKED_UP, known(), FOUND, Adopt(result=b"1", source=Source.LOOKUP)),
    ("absent", LOOKED_UP, known(), ABSENT, Grant(mode=PermitMode.AFTER_ABSENT)),
    (
        "contradictory",
        LOOKED_UP,
        known(),
        CONTRADICTORY,
        Doubt(reason="The look-up gives no clear answer: two of them"),
    ),
    ("a look-up that failed", LOOKED_UP, known(), FAILED, LookUp()),
    (
        "look-ups that failed for hours",
        LOOKED_UP,
        replace(known(), failed_looks=MOST_FAILED_LOOKS - 1),
        FAILED,
        Doubt(reason=f"The look-up failed {MOST_FAILED_LOOKS} times; the last error was: gone"),
    ),
    (
        "a look-up that will fail again",
        LOOKED_UP,
        known(),
        replace(FAILED, for_good=True),
        Doubt(reason="The look-up failed once; the last error was: gone"),
    ),
    (
        "a dead key, a look-up that will fail again",
        replace(KEYED, has_lookup=True),
        known(),
        replace(FAILED, for_good=True),
        Doubt(reason="The look-up failed once; the last error was: gone"),
    ),
    ("looked up too early", LOOKED_UP, known(quiet=NOW), replace(ABSENT, began_at=LATE), LookUp()),
    ("an unsafe look-up is not asked", replace(RULES, has_lookup=True), known(), None,
     Doubt(reason=SILENCE)),
    ("given up", RULES, known(state=EffectState.ABANDONED), None,
     Abandon(reason=ABANDONED)),
    ("done", RULES, replace(known(state=EffectState.DONE), result=b"7"), None, Adopt(result=b"7")),
]  # fmt: skip


SAME_KEY = Grant(mode=PermitMode.SAME_KEY)


@pytest.mark.parametrize(("_name", "rules", "effect", "looked", "answer"), TABLE)
def test_every_row_of_the_table(
    _name: str,
    rules: EffectRules,
    effect: KnownEffect,
    looked: LookedUp | None,
    answer: PermitAnswer,
) -> None:
    assert decide_permit(rules, effect, NOW, looked) == answer


@pytest.mark.parametrize(
    ("on_doubt", "answer"),
    [
        (OnDoubt.ASK, Doubt(reason=SILENCE)),
        (OnDoubt.FAIL, Abandon(reason=SILENCE)),
        (OnDoubt.ASSUME_DONE, Adopt(result=b"null", source=Source.ASSUMED)),
        (OnDoubt.REPEAT, Grant(mode=PermitMode.REPEAT)),
    ],
)
def test_a_tool_says_what_becomes_of_a_doubt(on_doubt: OnDoubt, answer: PermitAnswer) -> None:
    assert decide_permit(replace(RULES, on_doubt=on_doubt), known(), NOW, None) == answer


EVERYTHING = [
    (replace(RULES, cls=cls, has_lookup=look, on_doubt=doubt, key_ttl=TTL),
     replace(known(says, quiet=quiet, source=source, first=first), state=state), looked)
    for cls, look, doubt, says, source, quiet, first, state, looked in itertools.product(
        (EffectClass.KEYED, EffectClass.RECONCILABLE, EffectClass.UNSAFE), (True, False), OnDoubt,
        (None, *Says), (None, Source.REPLY, Source.VERDICT), (None, EARLY, LATE),
        (ALIVE, NOW - 2 * TTL), EffectState, (None, FOUND, ABSENT, CONTRADICTORY, FAILED),
    )
]  # fmt: skip


def test_whatever_is_known_no_permit_is_granted_beside_an_open_one() -> None:
    harmless = {PermitMode.SAME_KEY, PermitMode.REPEAT}
    for rules, effect, looked in EVERYTHING:
        answer = decide_permit(rules, effect, NOW, looked)
        is_open = effect.last is not None and effect.quiet_after is not None
        if isinstance(answer, Grant) and is_open and answer.mode not in harmless:
            assert answer.mode is PermitMode.AFTER_ABSENT, (rules, effect)
            assert looked is ABSENT
            assert effect.quiet_after == LATE
        if isinstance(answer, Grant) and answer.mode is PermitMode.SAME_KEY:
            assert rules.cls is EffectClass.KEYED
            assert effect.first_granted_at == ALIVE
        if isinstance(answer, Grant) and answer.mode is PermitMode.REPEAT:
            assert rules.on_doubt is OnDoubt.REPEAT


def test_before_it_is_quiet_nothing_is_doubted_or_given_up_and_what_is_not_seen_proves_nothing() -> (
    None
):
    for rules, effect, looked in EVERYTHING:
        if effect.quiet_after == EARLY and effect.state in {
            EffectState.INTENDED,
            EffectState.IN_DOUBT,
        }:
            answer = decide_permit(rules, effect, NOW, looked)
            is_seen = answer == Adopt(result=b"1", source=Source.LOOKUP)
            assert is_seen or isinstance(answer, WaitUntil | LookUp) or answer == SAME_KEY
            if is_seen or answer == LookUp():
                # A key may be looked up at any time: it is used on when nothing is found.
                assert rules.cls is EffectClass.KEYED
                assert rules.has_lookup


def test_a_permit_lives_longer_than_its_tool_and_a_key_longer_than_its_last_permit() -> None:
    assert RULES.timeout < RULES.kernel_budget < RULES.quiet_time == RULES.key_margin
    last_moment = NOW - TTL + KEYED.key_margin
    assert decide_permit(KEYED, known(first=last_moment), NOW, None) != Grant(
        mode=PermitMode.SAME_KEY
    )
    just_before = last_moment + timedelta(microseconds=1)
    assert decide_permit(KEYED, known(first=just_before), NOW, None) == Grant(
        mode=PermitMode.SAME_KEY
    )
