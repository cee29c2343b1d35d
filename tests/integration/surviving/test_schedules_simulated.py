"""Ten days of beats that die at random, over both moves of the clock: each tick once.

The clock is simulated, everything else is real: transactions, row locks, several beats at once. A
beat dies by having its connection to Postgres cut, which is what Postgres sees of a kill -9.
"""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import TenantId
from agent_workers.domain.schedules.schedule import CatchUp, Overlap, ScheduleType, next_fire
from agent_workers.domain.schedules.terms import timing_of
from agent_workers.orchestration.requests.schedules import Firing
from agent_workers.state.database.engine import Database
from agent_workers.state.schedules.firing import ScheduleFiring
from agent_workers.state.schedules.rows import ScheduleSeen
from tests.integration.state.schedule_world import Clockwork, unheard
from tests.integration.state.world import World

MINUTE = timedelta(minutes=1)
DAYS = timedelta(days=10)
BEATS = 3
PATIENCE_S = 30.0
# Expressions and zones whose clocks are moved within the ten days, in spring or in autumn.
ASKED = [
    ("*/20 * * * *", "Europe/Berlin"),
    ("30 2 * * *", "Europe/Berlin"),
    ("0 2,3 * * *", "Europe/Berlin"),
    ("15 */3 * * *", "Europe/London"),
    ("30 1 * * 0,3", "Europe/London"),
    ("5 4 13 * 5", "Asia/Kathmandu"),
]


@dataclass
class Storm:
    """Beats on a simulated clock, some of which are dying at any time."""

    database: Database
    dice: random.Random
    deaths: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def beat(self, now: datetime) -> None:
        """Fire what is due at `now`, unless this beat is killed in the middle."""
        database = Database(self.database.url, pool_size=1, name="beat under test")
        killer: threading.Timer | None = None
        if self.dice.random() < 0.3:
            with database.connection() as connection:
                victim = connection.info.backend_pid
            killer = threading.Timer(self.dice.random() * 0.008, self._kill, (victim,))
            killer.start()
        try:
            Firing(ScheduleFiring(database), ring=unheard).fire_all(now=now)
        except (StateUnavailable, psycopg.Error):
            with self.lock:
                self.deaths += 1
        finally:
            if killer is not None:
                killer.join()
            database.close()

    def _kill(self, backend: int) -> None:
        with self.database.connection() as connection:
            connection.execute("select pg_terminate_backend(%s)", (backend,))


def every_tick(schedule: ScheduleSeen, since: datetime, until: datetime) -> list[datetime]:
    timing, found = timing_of(schedule.terms), list[datetime]()
    tick = next_fire(timing, since - timedelta(microseconds=1))
    while tick is not None and tick <= until:
        found.append(tick)
        tick = next_fire(timing, tick)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("since", "seed"),
    [
        (datetime(2031, 3, 25, tzinfo=UTC), 1),  # Berlin and London: the 30th of March
        (datetime(2031, 10, 21, tzinfo=UTC), 2),  # and the 26th of October
    ],
)
def test_each_tick_of_ten_days_becomes_one_job(
    database: Database, tenant: TenantId, since: datetime, seed: int
) -> None:
    world, dice = World(database, tenant), random.Random(seed)
    clock = Clockwork(world)
    policies = {"overlap": Overlap.ALLOW, "catch_up": CatchUp.ALL, "catch_up_window_s": 30 * 86_400}
    schedules = [
        clock.make(since=since, expression=expression, timezone=zone, **policies)
        for expression, zone in ASKED
    ]
    interval = {"type": ScheduleType.INTERVAL, "interval_s": 5_400, "start_at": since}
    schedules.append(clock.make(since=since, **interval, **policies))
    storm, now = Storm(database=world.database, dice=dice), since
    with ThreadPoolExecutor(BEATS) as beats:
        while now < since + DAYS:
            # Beats wake at their own times, and now and then none of them lives for hours.
            now += MINUTE * (
                dice.randint(1, 60) if dice.random() < 0.9 else dice.randint(60, 1_200)
            )
            awake = dice.randint(0, BEATS)
            list(beats.map(storm.beat, [now + n * timedelta(seconds=7) for n in range(awake)]))
    until = now + MINUTE
    fire_to_the_end(clock, schedules, until)
    for schedule in schedules:
        ticks = Counter(every_tick(schedule, since, until))
        assert Counter(fired_at(world, schedule)) == ticks
        assert [state for _, state, _ in clock.runs(schedule)] == ["started"] * ticks.total()
    assert storm.deaths > 20
    clock.forget_all()


def fire_to_the_end(clock: Clockwork, schedules: list[ScheduleSeen], until: datetime) -> None:
    """Fire what is left; what a beat that is dying holds still is passed over for a moment."""
    deadline = time.monotonic() + PATIENCE_S

    def is_behind(schedule: ScheduleSeen) -> bool:
        due_at = clock.read(schedule).next_fire_at
        return due_at is not None and due_at <= until

    while any(map(is_behind, schedules)):
        assert time.monotonic() < deadline, "a schedule stays behind"
        clock.fire(until)


def fired_at(world: World, schedule: ScheduleSeen) -> list[datetime]:
    """What the jobs themselves say, not what the schedule's own rows do."""
    sql = "select (metadata->>'scheduled_at')::timestamptz from jobs where metadata @> %s::jsonb"
    with world.database.connection() as connection:
        mine = f'{{"schedule_id": "sched_{schedule.schedule_id.hex}"}}'
        return [row[0].astimezone(UTC) for row in connection.execute(sql, (mine,)).fetchall()]
