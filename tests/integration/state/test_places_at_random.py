"""Places of a tool while calls come, leave, are canceled or do not come, in whatever order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from agent_workers.domain.claim import Claimed
from agent_workers.domain.ids import JobId
from tests.integration.state.placing import LONG, come, park, pass_time, places, step
from tests.integration.state.world import World

_IN = "select count(*) from tool_places where tool = %s and worker_id is not null"
_WAITING = """
select count(*) from waits join steps using (tenant_id, job_id, position)
 where waits.key = %s and answered_at is null and status = 'ready'"""
_TAKEN = "select count(*) from tool_places where tool = %s and free_at > clock_timestamp()"


@dataclass(slots=True)
class Crowd:
    """Calls of several tenants that want the places of one tool."""

    worlds: Sequence[World]
    tool: str
    most: int
    random: Random
    inside: list[tuple[World, Claimed]] = field(default_factory=list)
    woken: list[tuple[World, JobId]] = field(default_factory=list)
    outside: dict[JobId, World] = field(default_factory=dict)

    def ask(self, sql: str) -> int:
        count: int = self.worlds[0].one(sql, self.tool)
        return count

    def begin(self) -> None:
        world = self.random.choice(self.worlds)
        self._enter(world, step(world, self.tool))

    def leave(self) -> None:
        if not self.inside:
            return
        world, claimed = self.inside.pop(self.random.randrange(len(self.inside)))
        for due in places(world).leave(claimed, most=self.most):
            self.woken.append((self.outside[due.job_id], due.job_id))
        assert self.ask(_TAKEN) == self.most or self.ask(_WAITING) == 0, "a place is idle"

    def wake(self) -> None:
        if self.woken:
            world, job = self.woken.pop(self.random.randrange(len(self.woken)))
            self._enter(world, come(world, job, self.tool))

    def cancel(self) -> None:
        if self.woken:
            world, job = self.woken.pop()
            world.cancel(job)
            del self.outside[job]

    def look(self) -> None:
        """Let one that waits look by itself."""
        if self.outside:
            job = self.random.choice(list(self.outside))
            self.woken = [(world, other) for world, other in self.woken if other != job]
            self.outside[job].make_due(job, 1)
            self._enter(self.outside[job], come(self.outside[job], job, self.tool))

    def pass_time(self) -> None:
        pass_time(self.worlds[0], self.tool, "3 seconds")

    def _enter(self, world: World, claimed: Claimed) -> None:
        if places(world).take(claimed, most=self.most, longest=LONG):
            self.inside.append((world, claimed))
            self.outside.pop(claimed.job_id, None)
        else:
            self.outside[claimed.job_id] = world
            park(world, claimed)


@pytest.mark.parametrize("seed", range(4))
def test_no_place_is_given_twice_or_idle_and_everybody_has_one_in_the_end(
    worlds: Sequence[World], tool: str, seed: int
) -> None:
    crowd = Crowd(worlds, tool, most=2, random=Random(seed))
    acts: dict[Callable[[], None], int] = {
        crowd.begin: 4,
        crowd.leave: 3,
        crowd.wake: 3,
        crowd.cancel: 1,
        crowd.look: 1,
        crowd.pass_time: 1,
    }
    for act in crowd.random.choices(list(acts), list(acts.values()), k=100):
        act()
        assert crowd.ask(_IN) == len(crowd.inside) <= crowd.most
    for _ in range(200):
        crowd.wake()
        crowd.leave()
        if not crowd.woken and not crowd.inside:
            crowd.pass_time()
            crowd.look()
    assert not crowd.outside
