"""Takes events in: every trigger that wants one starts a job, once for all deliveries of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import BudgetExceeded, QuotaReached
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane, StepKind
from agent_workers.domain.triggers.event import CloudEvent
from agent_workers.domain.triggers.trigger import TooMuchAtOnce, Trigger
from agent_workers.orchestration.ports import Ring
from agent_workers.orchestration.triggers.arriving import Arrived, arrived_of, dead
from agent_workers.orchestration.triggers.sorting import Paces, Rules, Sorter
from agent_workers.orchestration.triggers.work import BYTES_OF_MESSAGE, JOBS_OF_MESSAGE, Work
from agent_workers.state.triggers.dead_letters import Letters, LetterSeen
from agent_workers.state.triggers.intake import EventsRefused, Intakes, Taken

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A job that an event started, or had started before."""

    trigger: Trigger
    job_id: JobId
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one event; `mistakes` are conditions and templates that did not work.

    `more_mistakes` counts those that are not told, so that a receipt of many events stays short.
    """

    event: CloudEvent
    started: Sequence[Started]
    mistakes: Mapping[str, str]
    more_mistakes: int = 0


class Intake:
    """`rules` gives a tenant's live triggers, `paces` what an agent's first step needs."""

    def __init__(self, intakes: Intakes, *, rules: Rules, paces: Paces, ring: Ring) -> None:
        self._intakes = intakes
        self._rules = rules
        self._paces = paces
        self._ring = ring

    def take(self, tenant_id: TenantId, arrived: Arrived) -> list[Receipt]:
        """Take a message in one transaction and ring after it; a receipt for each of its events."""
        work = self._sorter(tenant_id).work(arrived)
        return _receipts(work, self._store(tenant_id, [work]))

    def take_each(self, tenant_id: TenantId, arrived: Sequence[Arrived]) -> None:
        """Take messages as a consumer must: what cannot be stored alone becomes a dead letter."""
        for works in _together(self._works(tenant_id, arrived)):
            try:
                self._store(tenant_id, works)
            except (EventsRefused, BudgetExceeded, QuotaReached) as error:
                log.warning("events_taken_singly", messages=len(works), error=str(error))
                for work in works:
                    self._store_alone(tenant_id, work)

    def replay(self, tenant_id: TenantId, seen: LetterSeen, letters: Letters) -> list[Receipt]:
        """Take a dead letter in again; it stays dead when it still cannot be taken."""
        receipts = self.take(tenant_id, arrived_of(seen.message, origin=seen.origin))
        letters.mark_replayed(tenant_id, seen.letter_id, times=seen.times)
        return receipts

    def _sorter(self, tenant_id: TenantId) -> Sorter:
        return Sorter(tenant_id, self._rules, self._paces)

    def _works(self, tenant_id: TenantId, arrived: Sequence[Arrived]) -> Iterator[Work]:
        sorter = self._sorter(tenant_id)
        for one in arrived:
            try:
                yield sorter.work(one)
            except TooMuchAtOnce as error:
                yield _refused(one, code=error.code, detail=str(error))

    def _store(self, tenant_id: TenantId, works: Sequence[Work]) -> Mapping[str, Taken]:
        taken = self._intakes.take(
            tenant_id,
            [(key, asked) for work in works for key, (_, asked) in work.asked.items()],
            [letter for work in works if (letter := work.letter)],
        )
        new = [one.job_id for one in taken.values() if one.created]
        if new:
            self._ring([_due(tenant_id, job_id) for job_id in new], parent=None)
        return taken

    def _store_alone(self, tenant_id: TenantId, work: Work) -> None:
        try:
            self._store(tenant_id, [work])
        except (EventsRefused, BudgetExceeded, QuotaReached) as error:
            code = "not_stored" if isinstance(error, EventsRefused) else error.code
            self._store(tenant_id, [_refused(work.arrived, code=code, detail=str(error))])


def _refused(arrived: Arrived, *, code: str, detail: str) -> Work:
    """Return what is done about a message that is refused as a whole: it is kept as it came."""
    letter = dead(arrived.message, origin=arrived.origin, code=code, detail=detail)
    return Work(arrived=Arrived(message=arrived.message, origin=arrived.origin, letter=letter))


def _together(works: Iterator[Work]) -> Iterator[list[Work]]:
    """Put works together as long as they ask for no more than one message may."""
    together: list[Work] = []
    jobs = octets = 0
    for work in works:
        jobs, octets = jobs + len(work.asked), octets + work.octets
        if together and (jobs > JOBS_OF_MESSAGE or octets > BYTES_OF_MESSAGE):
            yield together
            together, jobs, octets = [], len(work.asked), work.octets
        together.append(work)
    if together:
        yield together


def _receipts(work: Work, taken: Mapping[str, Taken]) -> list[Receipt]:
    return [
        Receipt(
            event=becomes.event,
            started=[
                Started(
                    trigger=work.asked[key][0],
                    job_id=taken[key].job_id,
                    # The job may be one that the same delivery started a moment ago.
                    replayed=not taken[key].created,
                )
                for key in becomes.keys
            ],
            mistakes=becomes.mistakes,
            more_mistakes=becomes.more_mistakes,
        )
        for becomes in work.events
    ]


def _due(tenant_id: TenantId, job_id: JobId) -> Due:
    return Due(tenant_id=tenant_id, job_id=job_id, position=0, kind=StepKind.PLAN, lane=Lane.PLAN)
