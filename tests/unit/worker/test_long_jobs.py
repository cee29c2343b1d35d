"""A job that one worker has carried on for long offers its place to other tenants."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from typing_extensions import override

from agent_workers.domain.claim import Claimed, Due, NothingDue
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane
from agent_workers.orchestration.carrying import Going, halt
from agent_workers.orchestration.steps.advance import Driver
from agent_workers.state.steps.claims import Claims
from agent_workers.worker.delivery import Busy, Deliveries, Slice
from tests.unit.orchestration.agents import claimed


class Seconds(Driver):
    """Does steps of these jobs, each of which takes a second; notes whether it was to yield."""

    def __init__(self, *jobs: int) -> None:
        self.now = 0.0
        self.yielded: list[bool] = []
        self._jobs = [replace(claimed(), job_id=JobId(UUID(int=job))) for job in jobs]

    def next_job(self) -> Claimed | NothingDue:
        return self._jobs.pop(0) if self._jobs else NothingDue()

    @override
    def advance(self, claimed: Claimed, onward: Going = halt) -> Claimed | NothingDue:
        self.now += 1.0
        self.yielded.append(onward().yields)
        return self.next_job()


class First(Claims):
    def __init__(self, driver: Seconds) -> None:
        self._driver = driver

    @override
    def nudged(self, *_: object, **__: object) -> Claimed:
        first = self._driver.next_job()
        assert isinstance(first, Claimed)
        return first


def nobody(due: Sequence[Due], *, parent: str | None) -> None:
    del due, parent


def yielded(*jobs: int, turn_s: float) -> list[bool]:
    driver = Seconds(*jobs)
    Deliveries(
        lanes=[Lane.PLAN],
        driver=driver,
        claims=First(driver),
        ring=nobody,
        busy=Busy(slots=1),
        stopping=lambda: False,
        slice_=Slice(turn_s=turn_s),
        clock=lambda: driver.now,
    ).deliver(TenantId("t"), JobId(UUID(int=1)), 0, task_id=None)
    return driver.yielded


def test_a_job_yields_once_it_has_gone_on_for_a_turn() -> None:
    assert yielded(1, 1, 1, turn_s=2.0) == [False, True, True]


def test_each_job_has_a_turn_of_its_own() -> None:
    assert yielded(1, 2, 2, 3, turn_s=2.0) == [False, False, True, False]
