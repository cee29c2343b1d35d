"""Three real beats side by side: killed and frozen, schedules edited, a day caught up."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from agent_workers.domain.ids import SCHEDULE_ID
from agent_workers.domain.schedules.schedule import CatchUp, Overlap, ScheduleStatus, ScheduleType
from agent_workers.domain.schedules.target import JobTarget
from agent_workers.state.schedules.calls import Schedules
from agent_workers.state.schedules.rows import ScheduleSeen
from tests.integration.state.schedule_world import Clockwork
from tests.integration.state.world import World
from tests.support.timing import is_ever
from tests.support.worker_system import TENANT, Program, System, until

pytestmark = pytest.mark.slow
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
_DUE = "select count(*) from schedules where status = 'active' and next_fire_at <= now()"


@pytest.fixture
def clock(running: System) -> Iterator[Clockwork]:
    clockwork = Clockwork(World(running.database, TENANT))
    yield clockwork
    clockwork.forget_all()


def has_begun(beat: Program) -> bool:
    return "beat: Starting" in beat.output() or not beat.is_alive


def start_beats(running: System, count: int = 3) -> list[Program]:
    beats = [running.start(f"beat-{n}", "agent_workers.worker.programs.beat") for n in range(count)]
    for beat in beats:
        until(partial(has_begun, beat), "the beat has begun")
        assert beat.is_alive, beat.output()
    return beats


def fired(running: System, schedule: ScheduleSeen) -> list[datetime]:
    """The ticks that became jobs, as the jobs say."""
    found = running.ask(
        "select coalesce(array_agg((metadata->>'scheduled_at')::timestamptz order by 1), '{}')"
        " from jobs where metadata->>'schedule_id' = %s",
        SCHEDULE_ID.written(schedule.schedule_id),
    )
    return sorted(at.astimezone(UTC) for at in found)


def has_fired(running: System, schedule: ScheduleSeen, times: int) -> bool:
    return len(fired(running, schedule)) >= times


def test_three_beats_of_which_one_is_killed_fire_each_second_once(
    running: System, clock: Clockwork, tmp_path: Path
) -> None:
    running.worker("all", lanes="plan,tool,effect,evaluate", pool="prefork")
    beats, book = start_beats(running), tmp_path / "book"
    wish = f'{{"book": "{book}", "tools": ["write_down"]}}'.encode()
    start_at = datetime.now(UTC).replace(microsecond=0) + SECOND
    schedule = clock.make(
        since=start_at,
        type=ScheduleType.INTERVAL,
        interval_s=1,
        start_at=start_at,
        end_at=start_at + 6 * SECOND,
        overlap=Overlap.ALLOW,
        target=JobTarget(agent="writing", input=wish),
    )
    until(lambda: len(fired(running, schedule)) >= 3, "three ticks have fired")
    beats[0].kill()
    until(lambda: len(fired(running, schedule)) >= 7, "all have fired")
    until(lambda: len(book.read_text().splitlines()) >= 7, "all have been written down")
    ended = "select count(*) from jobs where finished_at is not null and status = 'succeeded'"
    until(lambda: running.ask(ended) == 7, "all have ended")
    assert fired(running, schedule) == [start_at + n * SECOND for n in range(7)]
    keys = Counter(line.split()[1] for line in book.read_text().splitlines())
    assert (len(keys), set(keys.values())) == (7, {1})
    assert clock.read(schedule).status is ScheduleStatus.COMPLETED


def test_beats_that_freeze_in_turn_and_wake_fire_each_second_once(
    running: System, clock: Clockwork
) -> None:
    beats = start_beats(running)
    start_at = datetime.now(UTC).replace(microsecond=0) + SECOND
    seconds = 12
    schedule = clock.make(
        since=start_at,
        type=ScheduleType.INTERVAL,
        interval_s=1,
        start_at=start_at,
        end_at=start_at + seconds * SECOND,
        overlap=Overlap.ALLOW,
        target=JobTarget(agent="answering", input=b"1"),
    )
    # One after the other freezes for longer than a tick, at another moment of it each time.
    for number in range(6):
        frozen = beats[number % len(beats)]
        os.killpg(frozen.pid, signal.SIGSTOP)
        time.sleep(1.15)
        os.killpg(frozen.pid, signal.SIGCONT)
    # Whoever woke last fires what is left, alone.
    for other in beats[:-1]:
        other.kill()
    until(partial(has_fired, running, schedule, seconds + 1), "all have fired")
    assert fired(running, schedule) == [start_at + n * SECOND for n in range(seconds + 1)]
    assert clock.read(schedule).status is ScheduleStatus.COMPLETED
    assert beats[-1].end() == 0, beats[-1].output()


def test_a_schedule_fires_in_time_while_a_beat_is_frozen(running: System, clock: Clockwork) -> None:
    beats = start_beats(running, 2)
    os.killpg(beats[0].pid, signal.SIGSTOP)
    start_at = datetime.now(UTC).replace(microsecond=0) + SECOND
    schedule = clock.make(
        since=start_at,
        type=ScheduleType.INTERVAL,
        interval_s=1,
        start_at=start_at,
        end_at=start_at + 2 * SECOND,
        overlap=Overlap.ALLOW,
    )
    until(partial(has_fired, running, schedule, 3), "all have fired")
    os.killpg(beats[0].pid, signal.SIGCONT)
    until(lambda: not (running.ask(_DUE) or 0), "nothing is due any more")
    assert beats[0].end() == 0, beats[0].output()
    assert fired(running, schedule) == [start_at + n * SECOND for n in range(3)]


def test_an_edit_takes_effect_within_a_second(running: System, clock: Clockwork) -> None:
    [beat] = start_beats(running, 1)
    kept = Schedules(running.database)
    schedule = clock.make(expression="0 0 1 1 *", overlap=Overlap.ALLOW)

    def lateness() -> float:
        seen = kept.one((TENANT, schedule.schedule_id))
        at = kept.now()
        terms = replace(seen.terms, type=ScheduleType.ONCE, expression=None, run_at=at)
        active = ScheduleStatus.ACTIVE
        before, edited = len(fired(running, schedule)), time.monotonic()
        assert kept.change(seen, terms, status=active, refire=True, next_fire_at=at)
        until(partial(has_fired, running, schedule, before + 1), "it has fired")
        return time.monotonic() - edited

    # Where a beat looks every few seconds only, one of three is late.
    assert is_ever(lambda: max(lateness() for _ in range(3)) < 1.0)
    assert beat.end() == 0, beat.output()
    assert "Traceback" not in beat.output()


def test_a_day_without_any_beat_is_caught_up_as_the_policies_say(
    running: System, clock: Clockwork
) -> None:
    now = datetime.now(UTC)
    yesterday = (now - 24 * HOUR).replace(second=0, microsecond=0)
    hourly = f"{(now + HOUR / 2).minute} * * * *"  # half an hour from any tick
    made = {
        policy: clock.make(
            since=yesterday,
            expression=hourly,
            catch_up=policy,
            catch_up_window_s=2 * 86_400,
            overlap=Overlap.ALLOW,
        )
        for policy in CatchUp
    }
    start_beats(running)

    def is_behind(schedule: ScheduleSeen) -> bool:
        due_at = clock.read(schedule).next_fire_at
        return due_at is None or due_at <= now

    until(lambda: not any(is_behind(one) for one in made.values()), "all is caught up")
    ticks = {policy: fired(running, one) for policy, one in made.items()}
    assert [len(ticks[policy]) for policy in CatchUp] == [0, 1, 24]
    assert ticks[CatchUp.LAST] == ticks[CatchUp.ALL][-1:]
    assert ticks[CatchUp.ALL] == [ticks[CatchUp.ALL][0] + n * HOUR for n in range(24)]
    assert max(ticks[CatchUp.ALL]) > now - HOUR
