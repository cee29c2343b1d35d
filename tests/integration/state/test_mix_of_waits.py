"""Everything at once with waits, children and mail among it: no deadlock, and all stays whole."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.domain.wait import WaitKind
from agent_workers.state.database.engine import Database
from tests.integration.state.invariants import broken
from tests.integration.state.mixing import TENANTS
from tests.integration.state.mixing_waits import Correspondent
from tests.integration.state.waiting import know_agent
from tests.integration.state.world import World

SECONDS = 10
THREADS = 8
# One is enough, but on a machine that is very busy with something else.
TURNS = 6
ACTS = (*(f"waits for {kind}" for kind in WaitKind), "taken", "kept", "answered")


@pytest.mark.breaks_rows(
    "its actors say of effects whatever they like, and finish steps without a word",
    "a finished job leaves no effect open",
    "evidence contradicts nothing",
)
def test_waits_at_random_never_lock_up_and_leave_everything_whole(database: Database) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")  # noqa: T201  # pytest shows it when the test fails
    world = World(database, TenantId("any"))
    for tenant in TENANTS:
        know_agent(World(database, tenant))
        world.one("insert into budgets values (%s, 'a', 100000)", tenant)
    done: Counter[str] = Counter()
    for turn in range(TURNS):
        done += act_together(database, seed + turn * THREADS)
        assert broken(database) == {}
        if all(done[act] > 0 for act in ACTS):
            break
    print(sorted(done.items()))  # noqa: T201
    assert all(done[act] > 0 for act in ACTS)
    while world.one("select count(*) from jobs where finished_at is null"):
        world.end_all()
        world.sweeps.deadlines()
    assert broken(database) == {}
    assert world.one("select count(*) from jobs where held_micro > 0") == 0


def act_together(database: Database, seed: int) -> Counter[str]:
    """Let them all act for a while; returns what was done how often."""
    until = time.monotonic() + SECONDS
    with ThreadPoolExecutor(THREADS) as pool:
        actors = [pool.submit(Correspondent(database, seed + i).act, until) for i in range(THREADS)]
        return sum((actor.result() for actor in actors), Counter[str]())
