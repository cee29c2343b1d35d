"""A host that is cut off says nothing; its worker's steps are free within seconds all the same."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import TenantId
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.proving.outside.far_host import FarHost, far_host
from agent_workers.state.database.engine import Database
from tests.integration.state.acting import allow
from tests.integration.state.world import World, use
from tests.support.database import migrate
from tests.support.repository import ROOT
from tests.support.worker_system import until

# Five seconds until the server gives the connection up, one until the worker is given up.
NOTICED_S = 9.0
CLASSES = (EffectClass.PURE, EffectClass.KEYED, EffectClass.RECONCILABLE, EffectClass.UNSAFE)


@pytest.fixture
def far() -> Iterator[FarHost]:
    with far_host() as host:
        if host is None:
            pytest.skip("a far host needs root and iproute2")
        yield host


@pytest.fixture
def world(far: FarHost, server_folder: Path) -> Iterator[World]:
    server = EmbeddedPostgres(
        server_folder / "near", shelter=server_folder / "shelter", also_at=far.address
    )
    with server:
        url = server.create_database("far")
        migrate(url)
        database = Database(url, pool_size=4, name="tests")
        yield World(database, TenantId("acme"))
        database.close()
        server.kill_immediate()


def test_a_worker_whose_host_is_cut_off_is_lost_within_seconds(world: World, far: FarHost) -> None:
    url = world.database.url.replace("127.0.0.1", far.address)
    holder = subprocess.Popen(
        [
            *far.prefix,
            *(
                sys.executable,
                "-m",
                "tests.integration.programs.lock_holder",
                url,
                str(world.worker),
            ),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        job, acting = world.submit(), world.acting(EffectClass.UNSAFE)
        allow(world, acting)
        world.plan(job, *map(use, CLASSES))
        for i in range(len(CLASSES)):
            world.claim(job, 1 + i)
        assert world.sweeps.lost([]) == []
        assert world.one("select lost_at is null from workers")
        far.cut()
        at, freed = time.monotonic(), []

        def look() -> bool:
            freed.extend(world.sweeps.lost([]))
            return len(freed) == len(CLASSES)

        until(look, "all that has no permit is free")
        assert time.monotonic() - at < NOTICED_S
        assert world.steps(job)[1:] == ["ready"] * len(CLASSES)
        # What may have been acting waits for its quiet time, as long as nobody knows of a death.
        assert world.step(acting.job_id, 1) == "claimed"
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()
