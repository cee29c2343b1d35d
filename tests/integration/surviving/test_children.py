"""A parent with 200 children while workers are killed at random: each child once, every cent known."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from agent_workers.state.proving.invariants import broken
from tests.integration.surviving.test_engaging import AGENTS, answer_of
from tests.support.worker_system import TENANT, Program, System, system, until

pytestmark = pytest.mark.slow
CHILDREN = 200
MOST_KILLS = 6
PATIENCE_S = 180.0
# Children cost something without a model: whoever ends one finds it on its row.
_PRICE = """
create function cost_something() returns trigger language plpgsql as $$
begin
  if new.finished_at is not null and old.finished_at is null and new.parent_id is not null then
    new.spent_micro := 1 + mod(abs(hashtext(new.job_id::text)), 90);
  end if;
  return new;
end $$;
create trigger a_price before update on jobs for each row execute function cost_something()"""


@pytest.fixture
def running(database: Database, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[System]:
    with system(database, redis_server.url, tmp_path, AGENT_TOOLS=AGENTS) as started:
        yield started
        started.end_all_jobs()


class Crew:
    """Two workers, of whom now and then one is killed and replaced."""

    def __init__(self, running: System) -> None:
        self._running = running
        self._numbers = count()
        self.workers = [self._new() for _ in range(2)]
        self.kills = 0

    def _new(self) -> Program:
        lanes = "plan,tool,effect,evaluate"
        return self._running.worker(f"worker{next(self._numbers)}", lanes=lanes, pool="prefork")

    def kill_one(self, chance: random.Random) -> None:
        place = chance.randrange(len(self.workers))
        self.workers[place].kill()
        self.kills += 1
        self.workers[place] = self._new()


def test_each_child_runs_once_and_the_answer_is_whole(running: System, tmp_path: Path) -> None:
    with running.database.connection() as connection:
        connection.execute(_PRICE)
    chance, book = random.Random(120_914), tmp_path / "book"
    crew = Crew(running)
    job = running.submit("fan", allowance=1_000_000, of="leaf", children=CHILDREN, book=str(book))
    while not running.job(job).finished and crew.kills < MOST_KILLS:
        time.sleep(chance.uniform(0.2, 2.5))
        crew.kill_one(chance)
    until(lambda: running.job(job).finished, "the parent has ended", PATIENCE_S)

    assert answer_of(running, job) == list(range(CHILDREN))
    marks = [line.split() for line in book.read_text().splitlines()]
    assert Counter(int(number) for _, number in marks) == Counter(range(CHILDREN))
    assert len({key for key, _ in marks}) == CHILDREN
    of_them = "from jobs where parent_id = %s"
    assert running.ask(f"select count(*) {of_them} and status = 'succeeded'", job) == CHILDREN
    assert running.ask("select count(*) from jobs where tenant_id = %s", TENANT) == CHILDREN + 1
    spent = running.ask(f"select sum(spent_micro) {of_them}", job)
    assert spent > CHILDREN
    assert (running.job(job).spent_micro, crew.kills > 0) == (spent, True)
    assert running.ask("select sum(held_micro) from jobs") == 0
    assert broken(running.database) == []
