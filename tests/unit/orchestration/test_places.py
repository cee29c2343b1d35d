"""Places among a tool's calls: who gets one, who waits, and what is left when it goes wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from agent_workers.domain.claim import Claimed, Due
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.step import Lane, StepKind
from agent_workers.domain.wait import WaitKind
from agent_workers.orchestration.steps.tool_slots import Places
from agent_workers.orchestration.traits import AgentTraits
from tests.unit.orchestration.agents import AGENT, JOB, claimed, traits

WAITING = Due(
    tenant_id=claimed().tenant_id, job_id=JOB, position=4, kind=StepKind.TOOL, lane=Lane.TOOL
)


@dataclass(slots=True)
class Store:
    """The places of one process, and who waits for one."""

    taken: list[Claimed] = field(default_factory=list)
    longest: timedelta = timedelta(0)
    # The bound that it was told when a place was left.
    left: int = 0
    is_away: bool = False

    def take(self, claimed: Claimed, *, most: int, longest: timedelta) -> bool:
        self.longest = longest
        if len(self.taken) >= most:
            return False
        self.taken.append(claimed)
        return True

    def leave(self, claimed: Claimed, *, most: int) -> Sequence[Due]:
        self.left = most
        if self.is_away:
            raise StateUnavailable("gone")
        self.taken.remove(claimed)
        return [WAITING]


@dataclass(slots=True)
class Bells:
    rung: list[Due] = field(default_factory=list)

    def __call__(self, due: Sequence[Due], *, parent: str | None) -> None:
        assert parent is None
        self.rung += due


STEP = claimed(StepKind.TOOL, tool="read")
TWO: AgentTraits = replace(AGENT, tools={"read": replace(traits("read"), concurrency=2)})


def places(store: Store, bells: Bells) -> Places:
    return Places(store, ring=bells, jitter=lambda: 0.0)


def test_a_place_is_held_while_the_tool_is_called_and_the_next_one_is_rung_for() -> None:
    store, bells = Store(), Bells()
    with places(store, bells).held(STEP, TWO) as full:
        assert (full, store.taken, bells.rung) == (None, [STEP], [])
    assert (store.taken, bells.rung) == ([], [WAITING])
    assert store.longest == TWO.tools["read"].rules.kernel_budget
    assert store.left == 2


def test_who_finds_all_places_taken_waits_without_a_worker_and_leaves_none() -> None:
    other = replace(STEP, position=7)
    store, bells = Store(taken=[other, other]), Bells()
    with places(store, bells).held(STEP, TWO) as full:
        assert full is not None
        assert (full.wait.kind, full.wait.key) == (WaitKind.PLACE, "read")
    assert (len(store.taken), bells.rung) == (2, [])


@pytest.mark.parametrize(("fence", "seconds"), [(1, 1), (3, 4), (30, 15)])
def test_who_waits_looks_by_itself_ever_more_rarely(fence: int, seconds: int) -> None:
    store = Store(taken=[STEP, STEP])
    with places(store, Bells()).held(replace(STEP, fence=fence), TWO) as full:
        assert full is not None
        assert full.wait.timeout == timedelta(seconds=seconds)


def test_a_tool_that_breaks_leaves_its_place() -> None:
    store, bells = Store(), Bells()
    with pytest.raises(RuntimeError), places(store, bells).held(STEP, TWO):
        raise RuntimeError("it broke")
    assert (store.taken, bells.rung) == ([], [WAITING])


def test_a_place_that_cannot_be_left_costs_the_step_nothing() -> None:
    store = Store(is_away=True)
    with places(store, Bells()).held(STEP, TWO) as full:
        assert full is None
    assert store.taken == [STEP]


@pytest.mark.parametrize("tool", ["", "read", "pay"])
def test_without_a_bound_nobody_is_asked(tool: str) -> None:
    store = Store(is_away=True)
    with places(store, Bells()).held(replace(STEP, tool=tool), AGENT) as full:
        assert full is None
    assert store.taken == []
