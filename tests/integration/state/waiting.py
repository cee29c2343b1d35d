"""Short ways to let a step wait: for a child, an event, a person, or time."""

from datetime import timedelta
from uuid import uuid4

from agent_workers.domain.claim import Claimed, Recorded
from agent_workers.domain.decision import Join, Park
from agent_workers.domain.ids import JobId
from agent_workers.domain.mail import Letter, Sent
from agent_workers.domain.wait import Child, Wait, Waited, WaitKind
from agent_workers.orchestration.engine_tools.decide import child_answered, still_holding
from agent_workers.state.jobs.messages import Mail
from agent_workers.state.steps.waits import Waits
from tests.integration.state.world import EVALUATE, World, use

A_DAY = timedelta(days=1)


def engaging(world: World, **given: object) -> Claimed:
    """A step of a new job that may begin to wait."""
    job = world.submit(**given)  # type: ignore[arg-type]  # what `submit` takes
    world.plan(job, use())
    return world.claim(job, 1)


def park(world: World, claimed: Claimed, wait: Wait) -> Recorded:
    return world.record(claimed, Park(wait=wait))


def event(name: str = "go", timeout: timedelta | None = None) -> Wait:
    return Wait(kind=WaitKind.EVENT, key=name, timeout=timeout)


def person(key: str = "sure", timeout: timedelta | None = None, *choices: str) -> Wait:
    quoted = ",".join(f'"{choice}"' for choice in choices)
    prompt = f'{{"question":"Sure?","choices":[{quoted}]}}'.encode()
    return Wait(kind=WaitKind.PERSON, key=key, timeout=timeout, prompt=prompt)


def child(
    asked: int | None = None,
    *,
    reserve: int = 0,
    timeout: timedelta | None = None,
    job_id: JobId | None = None,
    agent: str = "demo",
) -> Wait:
    job_id = job_id or JobId(uuid4())
    started = Child(
        job_id=job_id, agent=agent, input=b"{}", max_cost_micro=asked, reserve_micro=reserve
    )
    return Wait(kind=WaitKind.CHILD, key=str(job_id), timeout=timeout, child=started)


def child_id(wait: Wait) -> JobId:
    assert wait.child is not None
    return wait.child.job_id


def waited(world: World, claimed: Claimed) -> Waited:
    found = Waits(world.database).of(claimed)
    assert found is not None
    return found


def send(world: World, job: JobId, name: str = "go", data: bytes = b"1", sender: str = "") -> Sent:
    letter = Letter(
        tenant_id=world.tenant, job_id=job, sender=sender or uuid4().hex, name=name, data=data
    )
    return Mail(world.database).send(letter)


def know_agent(world: World, name: str = "demo") -> None:
    """Make an agent known whose jobs may be started."""
    world.one(
        "insert into agents (tenant_id, name, version, plan_timeout_ms, plan_hold_micro)"
        " values (%s, %s, '1', 1000, 5)",
        *(world.tenant, name),
    )


def started(world: World, wait: Wait, **given: object) -> tuple[Claimed, JobId]:
    """A step that waits for the job that it has started."""
    claimed = engaging(world, **given)
    assert park(world, claimed, wait).status == "waiting"
    return claimed, child_id(wait)


def go_on(world: World, claimed: Claimed) -> Claimed:
    """Record the step that waited, with what came of the job it waited for."""
    again = world.claim(claimed.job_id, claimed.position)
    found = waited(world, again)
    outcome = child_answered("demo", found)
    world.record(still_holding(again, found), Join(outcome=outcome, step=EVALUATE))
    return again


def money(world: World, job: JobId) -> tuple[int, int]:
    return tuple(world.job(job, "held_micro, spent_micro"))
