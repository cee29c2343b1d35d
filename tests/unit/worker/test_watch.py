"""When a worker counts as deaf: only after a patient while in which it could have heard."""

from dataclasses import dataclass

from agent_workers.worker.watchdog import Watch


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def looks(
    watch: Watch, clock: Clock, count: int, *, waiting: bool = True, free: bool = True
) -> bool:
    """Look so many times, five seconds apart; return the last finding."""
    deaf = False
    for _ in range(count):
        clock.now += 5
        deaf = watch.is_deaf(waiting=waiting, free=free)
    return deaf


def a_watch() -> tuple[Watch, Clock]:
    clock = Clock()
    return Watch(clock=clock), clock


def test_messages_waited_slots_were_free_and_nothing_was_heard() -> None:
    watch, clock = a_watch()
    assert not looks(watch, clock, 10)
    assert looks(watch, clock, 1)


def test_a_worker_that_hears_something_is_not_deaf() -> None:
    watch, clock = a_watch()
    looks(watch, clock, 10)
    watch.heard()
    assert not looks(watch, clock, 9)
    assert looks(watch, clock, 1)


def test_silence_is_no_deafness_while_nothing_waits() -> None:
    watch, clock = a_watch()
    assert not looks(watch, clock, 100, waiting=False)
    assert not looks(watch, clock, 9)


def test_a_full_worker_need_not_hear() -> None:
    watch, clock = a_watch()
    assert not looks(watch, clock, 100, free=False)


def test_one_look_at_an_empty_queue_begins_the_patience_anew() -> None:
    watch, clock = a_watch()
    looks(watch, clock, 10)
    looks(watch, clock, 1, waiting=False)
    assert not looks(watch, clock, 9)
    assert looks(watch, clock, 1)


def test_the_time_in_which_the_process_was_frozen_does_not_count() -> None:
    watch, clock = a_watch()
    looks(watch, clock, 5)
    clock.now += 3_600
    assert not watch.is_deaf(waiting=True, free=True)
    assert not looks(watch, clock, 9)
    assert looks(watch, clock, 1)
