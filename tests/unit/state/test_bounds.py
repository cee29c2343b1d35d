"""Where a look begins: behind what is over, and never behind what may still come up."""

from datetime import UTC, datetime, timedelta

from agent_workers.state.database.bounds import FROM_THE_BEGINNING, Bounds, Writer

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def looked(*writing: str, seconds: float, first: float | None = None, after: Bounds) -> Bounds:
    return after.after(at(seconds), writing, [None if first is None else at(first)])


def test_the_first_look_begins_at_the_beginning() -> None:
    assert Bounds.none(2).since == (FROM_THE_BEGINNING, FROM_THE_BEGINNING)


def test_a_look_that_saw_nothing_due_leaves_its_own_time() -> None:
    (since,) = looked(seconds=0, first=60, after=Bounds.none(1)).since
    assert at(-5) < since < at(0)


def test_a_look_that_saw_something_leaves_the_time_of_that() -> None:
    assert looked(seconds=0, first=-30, after=Bounds.none(1)).since == (at(-30),)


def test_what_is_open_at_a_look_began_after_the_one_before() -> None:
    first = looked(seconds=0, after=Bounds.none(1))
    second = looked("7", seconds=100, after=first)
    third = looked("7", "8", seconds=200, after=second)
    assert at(-5) < third.writers["7"].since < at(0)
    assert at(95) < third.writers["8"].since < at(100)


def test_a_transaction_that_has_ended_is_remembered_for_one_more_look() -> None:
    first = looked("7", seconds=100, after=looked(seconds=0, after=Bounds.none(1)))
    second = looked(seconds=200, after=first)
    assert second.writers == {"7": Writer(first.writers["7"].since, missed=1)}
    assert looked(seconds=300, after=second).writers == {}


def test_nobody_knows_how_long_that_has_been_open_which_the_first_look_found_open() -> None:
    found = looked("7", seconds=0, after=Bounds.none(1))
    assert found.writers == {"7": Writer(FROM_THE_BEGINNING)}


def test_a_clock_that_was_set_back_makes_all_remembered_times_worthless() -> None:
    late = looked("7", seconds=100, after=looked(seconds=50, after=Bounds.none(1)))
    assert looked("7", seconds=20, after=late) == Bounds.none(1)
