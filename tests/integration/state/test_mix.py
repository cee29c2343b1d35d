"""Everything at once for a while, at random: no deadlock, and every invariant holds."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database
from tests.integration.state.invariants import broken
from tests.integration.state.mixing import TENANTS, Actor
from tests.integration.state.mixing_sessions import keep_versions
from tests.integration.state.world import World

SECONDS = 15
THREADS = 8
# One is enough, but on a machine that is very busy with something else.
TURNS = 6
ACTS = ("submit", "claim", "finish", "Grant", "sweep", "verdict")


@pytest.mark.breaks_rows(
    "its actors say of effects whatever they like, and finish steps without a word",
    "a finished job leaves no effect open",
    "evidence contradicts nothing",
)
def test_everything_at_once_never_locks_up_and_leaves_everything_whole(
    database: Database,
) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")  # noqa: T201  # pytest shows it when the test fails
    world = World(database, TenantId("any"))
    for tenant in TENANTS:
        keep_versions(World(database, tenant))
        for name in ("a", "b"):
            world.one("insert into budgets values (%s, %s, 100000)", tenant, name)
    done: Counter[str] = Counter()
    for turn in range(TURNS):
        done += act_together(database, seed + turn * THREADS)
        assert broken(database) == {}
        if is_enough(done):
            break
    print(sorted(done.items()))  # noqa: T201
    assert is_enough(done)
    # Where a job of a batch ends, the next one begins.
    for _ in range(4):
        world.end_all()
    assert world.one("select count(*) from jobs where finished_at is null") == 0
    assert broken(database) == {}


def act_together(database: Database, seed: int) -> Counter[str]:
    """Let them all act for a while; returns what was done how often."""
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(THREADS) as pool:
        actors = [pool.submit(Actor(database, seed + i).act, until) for i in range(THREADS)]
        return sum((actor.result() for actor in actors), Counter[str]())


def is_enough(done: Counter[str]) -> bool:
    return min(done[act] for act in ACTS) > 50
