"""The rule of permits while a key lives: what silence, refusals and look-ups lead to."""

from dataclasses import replace

import pytest

from agent_workers.domain.effect import (
    Adopt,
    Doubt,
    EffectRules,
    Grant,
    KnownEffect,
    LookedUp,
    LookUp,
    PermitAnswer,
    PermitMode,
    Says,
    Source,
    Tries,
)
from agent_workers.domain.permitting import decide_permit
from tests.unit.domain.test_effect import (
    ABSENT,
    ALIVE,
    EARLY,
    FOUND,
    KEYED,
    LATE,
    NOW,
    SAME_KEY,
    known,
)

REFUSED = (
    "An attempt gave no answer, and 2 repeats were refused; nobody knows whether it took effect"
)
LOOKED_UP_KEY = replace(KEYED, has_lookup=True)
TWICE_REFUSED = replace(
    known(Says.NOT_EXECUTED, first=ALIVE, source=Source.REPLY, quiet=EARLY), refusals=2
)
QUIET_BY_NOW = replace(TWICE_REFUSED, quiet_after=LATE)
SILENT = known(Says.UNKNOWN, first=ALIVE, quiet=EARLY)
FAILED = LookedUp(began_at=NOW, found=False, failed=True)
TWO, MANY = Tries(made=9, most=2), Tries(made=1_000, most=2)
# What becomes of an attempt without an answer while its key lives, by what was heard since.
WITH_KEY: list[tuple[str, EffectRules, KnownEffect, LookedUp | None, Tries, PermitAnswer]] = [
    ("silence, however often", KEYED, SILENT, None, MANY, SAME_KEY),
    ("silence, few attempts", LOOKED_UP_KEY, SILENT, None, Tries(made=1, most=2), SAME_KEY),
    ("silence, enough attempts", LOOKED_UP_KEY, SILENT, None, TWO, LookUp()),
    ("silence, found", LOOKED_UP_KEY, SILENT, FOUND, TWO,
     Adopt(result=b"1", source=Source.LOOKUP)),
    ("silence, not seen", LOOKED_UP_KEY, SILENT, ABSENT, TWO, SAME_KEY),
    ("silence, quiet, not seen", LOOKED_UP_KEY, replace(SILENT, quiet_after=LATE), ABSENT, TWO,
     SAME_KEY),
    ("silence, the look-up failed", LOOKED_UP_KEY, SILENT, FAILED, TWO, SAME_KEY),
    ("refused once", KEYED, replace(TWICE_REFUSED, refusals=1), None, TWO, SAME_KEY),
    ("refused too often", KEYED, TWICE_REFUSED, None, TWO,
     Doubt(reason=REFUSED)),
    ("refused before the last silence", KEYED, replace(SILENT, refusals=2), None, TWO, SAME_KEY),
    ("refused, look-up", LOOKED_UP_KEY, TWICE_REFUSED, None, TWO, LookUp()),
    ("refused, found", LOOKED_UP_KEY, TWICE_REFUSED, FOUND, TWO,
     Adopt(result=b"1", source=Source.LOOKUP)),
    ("refused, not seen too early", LOOKED_UP_KEY, TWICE_REFUSED, ABSENT, TWO, SAME_KEY),
    ("refused, not there", LOOKED_UP_KEY, QUIET_BY_NOW, ABSENT, TWO,
     Grant(mode=PermitMode.AFTER_ABSENT)),
    ("refused, the look-up failed", LOOKED_UP_KEY, QUIET_BY_NOW, FAILED, TWO, SAME_KEY),
    ("a dead key, the look-up failed", LOOKED_UP_KEY, known(), FAILED, TWO, LookUp()),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "rules", "effect", "looked", "tries", "answer"), WITH_KEY)
def test_a_living_key_is_used_on_and_a_refusal_closes_nothing_that_is_open(
    _name: str,
    rules: EffectRules,
    effect: KnownEffect,
    looked: LookedUp | None,
    tries: Tries,
    answer: PermitAnswer,
) -> None:
    assert decide_permit(rules, effect, NOW, looked, tries) == answer
