"""Short ways to jobs that are stuck with the turn of their session, and to keepers that look at them."""

import json
from typing import Any
from uuid import UUID, uuid4

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId
from agent_workers.domain.job import Submission
from agent_workers.domain.memory.session import OnBusy, OnStuckTurn
from agent_workers.state.jobs.reads import Reads
from agent_workers.state.jobs.submissions import Asked, Pace, Submissions
from tests.integration.state.acting import allow, doubt, quiet
from tests.integration.state.world import World, use

S = "talk"
WAIT, SKIP, FAIL = OnStuckTurn.WAIT, OnStuckTurn.SKIP, OnStuckTurn.FAIL


def version_of(policy: OnStuckTurn, seconds: float) -> str:
    return f"{policy.value}-{seconds}"


def agent(world: World, policy: OnStuckTurn, *, seconds: float = 900) -> str:
    """Keep a version of an agent with this policy, and say which."""
    version = version_of(policy, seconds)
    definition = {"on_stuck_turn": policy.value, "stuck_after_s": seconds}
    world.one(
        "select keep_agent_version(%s, 'demo', %s, %s, %s::jsonb, 'yaml', 'a test')",
        *(world.tenant, version, version, json.dumps(definition)),
    )
    return version


def asked(world: World, version: str = "", *, on_busy: OnBusy | None = None) -> Asked:
    submission = Submission(
        tenant_id=world.tenant,
        job_id=JobId(uuid4()),
        agent="demo",
        input=b'"and then?"',
        session_id=S,
        on_busy=on_busy,
    )
    return submission, Pace(plan_timeout_ms=60_000, plan_hold_micro=0, version=version)


def submit(world: World, version: str = "", *, on_busy: OnBusy | None = None) -> JobId:
    one = asked(world, version, on_busy=on_busy)
    return Submissions(world.database).once(one, key=None, fingerprint=b"").job_id


def at_work(world: World, job: JobId) -> Claimed:
    """Bring a job to where its unsafe tool has a permit."""
    world.plan(job, use(EffectClass.UNSAFE))
    claimed = world.claim(job, 1)
    allow(world, claimed)
    return claimed


def in_doubt(world: World, job: JobId) -> Claimed:
    claimed = at_work(world, job)
    assert doubt(world, claimed) == "in_doubt"
    quiet(world, claimed)
    return claimed


def in_quarantine(world: World, job: JobId) -> None:
    for _ in range(3):
        world.expire(world.claim(job))
        world.sweeps.expired()
    assert world.status(job) == "quarantined"


def look(world: World) -> list[UUID]:
    """Do what a keeper does when it has seen that sessions and timers are due."""
    world.one("select keep_sessions(100)")
    return world.sweeps.deadlines()


def let_pass(world: World, seconds: float) -> None:
    """Let so much time have passed since the turns of this tenant got stuck."""
    world.one(
        "update session_turns set stuck_at = stuck_at - make_interval(secs => %s)"
        " where tenant_id = %s and stuck_at is not null and state = 'now'",
        *(seconds, world.tenant),
    )
    world.one(
        "update timers set due_at = due_at - make_interval(secs => %s)"
        " where tenant_id = %s and kind = 'stuck'",
        *(seconds, world.tenant),
    )


def turns(world: World) -> list[str]:
    sql = "select array_agg(state order by turn) from session_turns where tenant_id = %s"
    return list(world.one(sql, world.tenant) or [])


def told(world: World, job: JobId) -> list[str]:
    """Return what the journal of a job says of its turn."""
    return [kind for kind in world.journal(job) if kind.startswith("turn_")]


def watched(world: World, job: JobId) -> list[object]:
    """Return when a keeper is to look at the turn of a job: nothing, a time, or never ('infinity')."""
    found = world.one(
        "select array_agg(due_at::text) from timers"
        " where tenant_id = %s and job_id = %s and kind = 'stuck'",
        *(world.tenant, job),
    )
    return list(found or [])


# Any: JSON of a view.
def behind(world: World, job: JobId) -> Any:
    seen = Reads(world.database).job(world.tenant, job)
    assert seen is not None
    (wait,) = json.loads(seen.waiting_for)
    assert wait["kind"] == "session"
    return wait["behind"]
