"""The verdict on a random world: the job's own words against the counter and the invariants."""

from dataclasses import dataclass

from agent_workers.proving.trials.stage import ENDED, Stage
from agent_workers.proving.worlds.worlds import World
from agent_workers.state.proving.invariants import told, violations
from agent_workers.state.proving.proofs import ToolStep
from agent_workers.terminal.printing import counted
from agent_workers.testing import counting

# A step counts so many deaths before it is put into quarantine.
_POISON = 3
# The one failure after which nobody says whether it happened.
_GIVEN_UP = "effect_abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """How a world ended."""

    status: str
    wrongs: tuple[str, ...]
    # Blows that fell, and behaviours that were shown.
    faults: int
    doubted: bool = False


def judged(stage: Stage, world: World, url: str) -> Lived:
    status = stage.status()
    steps = stage.ground.proofs.tool_steps(stage.tenant_id, stage.job_id)
    doubted = {one.tool for one in steps if one.doubted}
    mine = [one for one in violations(stage.ground.database) if one.tenant_id == stage.tenant_id]
    return Lived(
        status=status,
        wrongs=(
            *(wrong for one in _by_subject(steps).values() for wrong in _of_call(stage, url, one)),
            *(f"needless doubt: {tool}" for tool in sorted(doubted - {"unsafe"})),
            *_of_job(stage, world, status),
            *told(mine),
        ),
        faults=_fell(stage, world),
        doubted=bool(doubted),
    )


def _of_job(stage: Stage, world: World, status: str) -> list[str]:
    blows = {one.blow for one in world.misfortunes}
    fine = {"succeeded"}
    if "cancel" in blows:
        fine |= {"canceled"}
    if stage.cast.struck >= _POISON:
        fine |= {"quarantined"}
    failed = [one.error for one in stage.cast.heard if one.event == "failed"]
    wrongs = [] if status in fine else [f"unfinished: {status or 'gone'} {stage.error()}".strip()]
    # A worker whose connection ends while it starts may end, and is started again.
    may_end = bool(blows & {"cut", "backend"})
    return wrongs + ([] if may_end else [f"a worker failed: {one}" for one in failed])


def _by_subject(steps: list[ToolStep]) -> dict[str, list[ToolStep]]:
    found: dict[str, list[ToolStep]] = {}
    for step in steps:
        found.setdefault(step.subject, []).append(step)
    return found


def _of_call(stage: Stage, url: str, steps: list[ToolStep]) -> list[str]:
    """Judge one wish of one plan, however many steps a Retry made of it."""
    tool, subject = steps[0].tool, steps[0].subject
    if tool == "pure":
        return []
    count = counting.count(url, subject)
    applied = max(count.applied, stage.ground.proofs.written(subject))
    types = {one.type for one in steps}
    sure = all(one.type == "tool_failed" and one.code != _GIVEN_UP for one in steps)
    wrongs = []
    if applied > 1:
        wrongs.append(
            f"duplicate: {tool} happened {applied} times, under {counted(count.keys, 'key')}"
        )
    if count.key_conflicts:
        wrongs.append(f"{tool} sent one key with different bytes")
    if "tool_ran" in types and applied == 0:
        wrongs.append(f"lost: {tool} never happened, and its step says it did")
    if sure and applied > 0 and stage.status() in ENDED:
        wrongs.append(f"untold: {tool} happened, and its step says that it failed for good")
    return wrongs


def _fell(stage: Stage, world: World) -> int:
    blows = sum(one.event == "tripped" for one in stage.cast.heard)
    others = sum(one.blow not in {"kill", "doze", "freeze"} for one in world.misfortunes)
    return blows + others + sum(len(one.moods) + len(one.server) for one in world.calls)
