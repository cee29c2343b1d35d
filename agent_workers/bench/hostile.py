"""An honest tenant beside a hostile one: how long its jobs wait to start, and its webhooks to come."""

import time
from collections import Counter
from collections.abc import Mapping

from agent_workers.bench.honest import Delays, measured, submit
from agent_workers.bench.measures import say
from agent_workers.bench.stage import Stage, Topology
from agent_workers.local import programs
from agent_workers.proving.attacks import bombs, readers, work
from agent_workers.proving.attacks.hostile import TENANT, Hostile

_WORKERS = Topology(
    name="one worker of four threads",
    workers=(("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", "4"),),
)
_SURROUNDINGS: Mapping[str, str] = {
    "AGENT_ALLOW_PRIVATE_WEBHOOKS": "true",
    "AGENT_HTTP_PRIVATE": "127.0.0.0/8",
}
_DID = """
select (select count(*) from jobs where tenant_id = %(hostile)s),
       (select count(*) from schedules where tenant_id = %(hostile)s),
       (select count(*) from triggers where tenant_id = %(hostile)s),
       (select count(*) from webhook_deliveries where tenant_id = %(hostile)s)"""
_ATTACKS = (
    work.flood(jobs=2_000, seconds=0.06),
    work.schedules(200),
    work.silent_callbacks(300),
    work.tar_pits(every_s=0.5),
    bombs.expressions(),
    bombs.bodies(),
    readers.idle_sockets(300),
    readers.slow_heads(100),
    readers.unread_files(100),
    readers.unread_streams(100),
)


def beside_a_hostile_tenant(stage: Stage, *, seconds: float = 20.0) -> Delays:
    """Measure an honest tenant alone, and beside all attacks together; returns the latter."""
    stage.environment |= _SURROUNDINGS
    stage.stop("api")
    stage.restart_api()
    with stage.workers(_WORKERS):
        stage.start("beat", programs.BEAT)
        stage.start("webhooks", programs.WEBHOOKS)
        # Who has just started has not loaded everything.
        submit(stage, seconds=1)
        measured(stage, "alone", seconds)
        hostile = Hostile(connect=stage.connecting_as(TENANT), port=stage.port)
        hostile.begin(_ATTACKS)
        time.sleep(3)
        try:
            return measured(stage, "beside a hostile tenant", seconds)
        finally:
            say(_told(stage, hostile.did))
            # Asked to stop, they would wait for hosts that never answer.
            stage.kill_all()
            hostile.end()


def _told(stage: Stage, did: Counter[str]) -> str:
    with stage.database.connection() as connection:
        row = connection.execute(_DID, {"hostile": TENANT}).fetchone()
    assert row is not None
    names = ("jobs", "schedules that fire each second", "triggers", "webhooks to a silent host")
    made = dict(zip(names, row, strict=True)) | did
    return "  the hostile tenant had " + ", ".join(
        f"{count} {name}" for name, count in made.items()
    )
