"""What workers share, in memory: places among a tool's calls, and breakers that steps wait for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from typing_extensions import override

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.breaker import Breaker, BreakerSeen
from agent_workers.domain.claim import Claimed, Due
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.wait import WaitKind
from agent_workers.governance.breakers_in_memory import BreakersInMemory
from agent_workers.testing.memory import ending
from agent_workers.testing.memory.rows import Rows

_Place = tuple[str, JobId, int, int]


class Places:
    """Places among the calls that a tool may have at once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._taken: dict[_Place, datetime] = {}

    def take(self, claimed: Claimed, *, most: int, longest: timedelta) -> bool:
        """Take one of `most` places, for no longer than `longest`; false when there is none."""
        now, mine = self._rows.now(), _place(claimed)
        self._taken = {place: until for place, until in self._taken.items() if until > now}
        if mine not in self._taken:
            if sum(tool == claimed.tool for tool, *_ in self._taken) >= most:
                return False
            self._taken[mine] = now + longest
        return True

    def leave(self, claimed: Claimed, *, most: int) -> Sequence[Due]:
        """Give a place back; returns who is to be rung for it."""
        del most
        self._taken.pop(_place(claimed), None)
        return ending.wake(self._rows, WaitKind.PLACE, claimed.tool, b"{}", most=1)


class Breakers(BreakersInMemory):
    """Breakers on which steps are parked, by the clock of the store."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self._store = rows

    @override
    def wake(self, name: str, tenant_id: TenantId) -> Sequence[Due]:
        return ending.wake(self._store, WaitKind.BREAKER, name, b"{}")

    @override
    def _seen(self, breaker: Breaker) -> BreakerSeen:
        parked = any(
            breaker.tenant_id in {EVERYBODY, job.tenant_id}
            for job, _, _ in self._store.waits(WaitKind.BREAKER, breaker.name)
        )
        seen = super()._seen(breaker)
        return replace(seen, now=self._store.now(), parked=parked)


def _place(claimed: Claimed) -> _Place:
    return claimed.tool, claimed.job_id, claimed.position, claimed.fence
