"""When an ended program is started again."""

from agent_workers.domain.running.exits import AWAY, WRONG
from agent_workers.local.supervisor import (
    LIVED_S,
    LONGEST_S,
    Again,
    GiveUp,
    after_end,
)


def test_a_program_that_was_killed_after_a_while_is_back_at_once():
    after = after_end(code=-9, lived_s=LIVED_S, failures=3, was_up=True)
    assert after == Again(pause_s=0.0, failures=0)


def test_pauses_grow_while_a_program_dies_soon_after_its_start():
    pauses, failures = [], 0
    for _ in range(12):
        after = after_end(code=1, lived_s=0.1, failures=failures, was_up=False)
        assert isinstance(after, Again)
        pauses.append(after.pause_s)
        failures = after.failures
    assert pauses[:4] == [0.0, 0.5, 1.0, 2.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_S


def test_what_is_away_is_tried_again_as_long_as_it_takes():
    after = after_end(code=AWAY, lived_s=0.1, failures=7, was_up=False)
    assert after == Again(pause_s=LONGEST_S, failures=8)


def test_wrong_settings_end_the_trying():
    after = after_end(code=WRONG, lived_s=0.5, failures=0, was_up=False)
    assert after == GiveUp(code=WRONG)


def test_wrong_settings_of_a_program_that_was_up_are_tried_again():
    # Somebody edits a module while the system runs: the others must not go down for it.
    after = after_end(code=WRONG, lived_s=0.5, failures=0, was_up=True)
    assert isinstance(after, Again)
