"""A keeper with no database and no broker behind it, for what it does by itself."""

from collections.abc import Sequence

from typing_extensions import override

from agent_workers.domain.claim import Claimed, Due
from agent_workers.domain.ids import JobId
from agent_workers.orchestration.steps.advance import Driver
from agent_workers.state.database.server_clock import ServerClock
from agent_workers.state.steps.sweeps import Sweeps
from agent_workers.state.steps.workers import DeadMan, Process, Workers
from agent_workers.worker.delivery import Busy
from agent_workers.worker.keeper import Keeper


class Ended(Driver):
    """Records nothing."""

    def __init__(self) -> None:
        self.late: list[Claimed] = []

    @override
    def time_out(self, claimed: Claimed) -> None:
        self.late.append(claimed)


class Silent:
    def ring(self, due: Sequence[Due], *, parent: str | None) -> None:
        """Ring nobody."""

    def tell(self, job_id: JobId) -> None:
        """Tell nobody."""


def keeper(
    busy: Busy,
    left: list[int],
    *,
    dead_man: DeadMan | None = None,
    clock: ServerClock | None = None,
) -> Keeper:
    nowhere = object.__new__
    return Keeper(
        process=nowhere(Process),
        dead_man=dead_man,
        workers=nowhere(Workers),
        sweeps=nowhere(Sweeps),
        clock=clock or nowhere(ServerClock),
        driver=Ended(),
        busy=busy,
        busy_lanes=list,
        ring=Silent().ring,
        tell=Silent().tell,
        keep=lambda _: None,
        leave=left.append,
    )
