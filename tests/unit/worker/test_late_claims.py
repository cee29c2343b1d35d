"""The reply to a claim may come after its step was given back: then nothing is begun."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from typing_extensions import override

from agent_workers.domain.claim import Claimed, Due, NothingDue
from agent_workers.domain.ids import JobId, TenantId, WorkerId
from agent_workers.domain.step import Lane
from agent_workers.orchestration.carrying import Going, halt
from agent_workers.orchestration.steps.advance import Driver
from agent_workers.state.database.bounds import FROM_THE_BEGINNING
from agent_workers.state.database.server_clock import ServerClock
from agent_workers.state.steps.claims import Claims
from agent_workers.state.steps.sweeps import Sweeps
from agent_workers.state.steps.workers import Held, Process, Workers
from agent_workers.worker.delivery import Busy, Deliveries
from agent_workers.worker.keeper import Keeper
from tests.unit.orchestration.agents import claimed

PROCESS = Process(worker_id=WorkerId(UUID(int=1)), host="here", pid=1, pid_started=1, lanes="plan")


class Noting(Driver):
    def __init__(self) -> None:
        self.begun: list[int] = []

    @override
    def advance(self, claimed: Claimed, onward: Going = halt) -> NothingDue:
        self.begun.append(claimed.fence)
        return NothingDue()


class Table(Workers):
    """The steps that the database believes this process to hold."""

    def __init__(self, *held: Held) -> None:
        self.steps = [*held]

    @override
    def held(self, worker_id: WorkerId, since: datetime | None = None) -> Sequence[Held]:
        return list(self.steps)

    @override
    def give_back(self, held: Held) -> bool:
        self.steps.remove(held)
        return True


class Late(Claims):
    """Answers a claim only after the keeper has compared what is held with what is done."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    @override
    def nudged(self, *_: object, **__: object) -> Claimed:
        self._keeper.give_back(FROM_THE_BEGINNING)
        return claimed()

    @override
    def next(self, *_: object, **__: object) -> None:
        return None


def held(of: Claimed) -> Held:
    due = Due(
        tenant_id=of.tenant_id,
        job_id=of.job_id,
        position=of.position,
        kind=of.kind,
        lane=of.lane,
        high=True,
    )
    return Held(due=due, fence=of.fence)


def nobody(due: Sequence[Due], *, parent: str | None) -> None:
    del due, parent


def keeper(workers: Workers, busy: Busy) -> Keeper:
    return Keeper(
        process=PROCESS,
        dead_man=None,
        workers=workers,
        sweeps=object.__new__(Sweeps),
        clock=object.__new__(ServerClock),
        driver=Noting(),
        busy=busy,
        busy_lanes=list,
        ring=nobody,
        tell=lambda _: None,
        keep=lambda _: None,
    )


def test_a_step_that_was_given_back_is_not_begun_when_the_reply_comes_late() -> None:
    """Its cost would be booked nowhere: what was held for it has been given back with it."""
    busy, driver, table = Busy(slots=1), Noting(), Table(held(claimed()))
    deliveries = Deliveries(
        lanes=[Lane.PLAN],
        driver=driver,
        claims=Late(keeper(table, busy)),
        ring=nobody,
        busy=busy,
        stopping=lambda: False,
    )
    deliveries.deliver(TenantId("t"), JobId(UUID(int=1)), 0, task_id=None)
    assert (driver.begun, table.steps) == ([], [])
    assert (busy.steps, busy.given_back) == ({}, set())


def test_a_step_that_a_thread_is_doing_is_not_given_back() -> None:
    busy, table = Busy(slots=1), Table(held(claimed()))
    assert busy.begin(claimed())
    keeper(table, busy).give_back(FROM_THE_BEGINNING)
    assert len(table.steps) == 1
