"""Steps that call a tool with so many places, and steps that wait for one."""

from dataclasses import replace
from datetime import timedelta

from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Park
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId
from agent_workers.domain.wait import Wait, WaitKind
from agent_workers.state.steps.tool_slots import ToolPlaces
from tests.integration.state.world import World

LONG = timedelta(minutes=1)
_PASS_TIME = """
update tool_places set taken_at = taken_at - interval '{0}', free_at = free_at - interval '{0}'
 where tool = %s and worker_id is null"""


def places(world: World) -> ToolPlaces:
    return ToolPlaces(world.database, world.worker)


def step(world: World, tool: str) -> Claimed:
    """A claimed step that calls this tool."""
    return replace(world.acting(EffectClass.PURE), tool=tool)


def wait_for_a_place(world: World, tool: str) -> JobId:
    return park(world, step(world, tool))


def park(world: World, claimed: Claimed) -> JobId:
    wait = Wait(kind=WaitKind.PLACE, key=claimed.tool, timeout=LONG)
    world.record(claimed, Park(wait=wait))
    return claimed.job_id


def come(world: World, job: JobId, tool: str) -> Claimed:
    """Claim the step of a job that was woken."""
    return replace(world.claim(job, 1), tool=tool)


def pass_time(world: World, tool: str, span: str) -> None:
    """Let what is kept have been kept for longer by so much."""
    world.one(_PASS_TIME.format(span), tool)
