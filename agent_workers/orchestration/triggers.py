"""Takes events in: every trigger that wants one starts a job, once for all deliveries of it."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import BudgetExceeded, QuotaReached
from agent_workers.domain.ids import JobId, TenantId, time_ordered
from agent_workers.domain.job import Submission
from agent_workers.domain.step import Lane, StepKind
from agent_workers.domain.trigger import Trigger, key_of
from agent_workers.domain.trigger_event import CloudEvent
from agent_workers.expressions.budget import Budget
from agent_workers.orchestration.ports import Ring
from agent_workers.orchestration.triggers_arriving import Arrived, arrived_of, dead
from agent_workers.orchestration.triggers_filling import TemplateFailed, filled
from agent_workers.orchestration.triggers_matching import ConditionFailed, is_wanted
from agent_workers.state.submissions import Asked, Pace
from agent_workers.state.triggers_intake import EventsRefused, Intakes, Taken
from agent_workers.state.triggers_letters import DeadLetter, Letters, LetterSeen

log = structlog.get_logger(__name__)

# What one trigger may take for one event, and all triggers for all events of one message: about a
# twentieth and half of a second.
STEPS_OF_TRIGGER = 200_000
STEPS_OF_MESSAGE = 2_000_000
# What all jobs that one message starts may have as their inputs.
BYTES_OF_MESSAGE = 16 << 20

_LONGEST_METADATA = 512
_MOST_METADATA = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A job that an event started, or had started before."""

    trigger: Trigger
    job_id: JobId
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one event; `mistakes` are conditions and templates that did not work."""

    event: CloudEvent
    started: Sequence[Started]
    mistakes: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class _Work:
    """What one message asks for, before anything is stored."""

    asked: dict[str, tuple[Trigger, Asked]] = field(default_factory=dict)
    letters: list[DeadLetter] = field(default_factory=list)
    receipts: list[tuple[CloudEvent, list[str], dict[str, str]]] = field(default_factory=list)
    steps: int = STEPS_OF_MESSAGE
    room: int = BYTES_OF_MESSAGE

    def pay(self, rule: Trigger, steps: int, size: int = 0) -> None:
        """Refuse a message whose events cost too much together, so that none of them is lost."""
        self.steps -= steps
        self.room -= size
        if self.steps < 0:
            raise EventsRefused(
                "the conditions and templates of all triggers take too many steps together"
                f" (at trigger {rule.name!r}): send fewer events at once, or simplify them"
            )
        if self.room < 0:
            most = f"{BYTES_OF_MESSAGE >> 20} MiB of inputs"
            raise EventsRefused(f"these events start jobs with more than {most} together")


class Intake:
    """`rules` gives a tenant's live triggers, `paces` what an agent's first step needs."""

    def __init__(
        self,
        intakes: Intakes,
        *,
        rules: Callable[[TenantId], Sequence[Trigger]],
        paces: Callable[[TenantId, str], Pace | None],
        ring: Ring,
    ) -> None:
        self._intakes = intakes
        self._rules = rules
        self._paces = paces
        self._ring = ring

    def take(self, tenant_id: TenantId, arrived: Sequence[Arrived]) -> list[list[Receipt]]:
        """Take messages in one transaction and ring after it; a receipt for each of their events."""
        rules = self._rules(tenant_id)
        paces = {name: self._paces(tenant_id, name) for name in {rule.agent for rule in rules}}
        works = [_work(tenant_id, one, rules, paces) for one in arrived]
        taken = self._intakes.take(
            tenant_id,
            [(key, asked) for work in works for key, (_, asked) in work.asked.items()],
            [letter for work in works for letter in work.letters],
        )
        new = [one.job_id for one in taken.values() if one.created]
        if new:
            self._ring([_due(tenant_id, job_id) for job_id in new], parent=None)
        return [_receipts(work, taken) for work in works]

    def take_each(self, tenant_id: TenantId, arrived: Sequence[Arrived]) -> None:
        """Take messages as a consumer must: what cannot be stored alone becomes a dead letter."""
        try:
            self.take(tenant_id, arrived)
        except (EventsRefused, BudgetExceeded, QuotaReached) as error:
            log.warning("events_taken_singly", messages=len(arrived), error=str(error))
            for one in arrived:
                self._take_alone(tenant_id, one)

    def replay(self, tenant_id: TenantId, seen: LetterSeen, letters: Letters) -> list[Receipt]:
        """Take a dead letter in again; it stays dead when it still cannot be taken."""
        letter = seen.letter
        arrived = arrived_of(letter.message, origin=letter.origin)
        [receipts] = self.take(tenant_id, [arrived])
        letters.mark_replayed(tenant_id, seen.letter_id, times=seen.times)
        return receipts

    def _take_alone(self, tenant_id: TenantId, arrived: Arrived) -> None:
        try:
            self.take(tenant_id, [arrived])
        except (EventsRefused, BudgetExceeded, QuotaReached) as error:
            code = "not_stored" if isinstance(error, EventsRefused) else error.code
            letter = dead(arrived.message, origin=arrived.origin, code=code, detail=str(error))
            self._intakes.take(tenant_id, [], [letter])


def _work(
    tenant_id: TenantId,
    arrived: Arrived,
    rules: Sequence[Trigger],
    paces: Mapping[str, Pace | None],
) -> _Work:
    work = _Work(letters=[arrived.letter] if arrived.letter else [])
    for event in arrived.events:
        keys: list[str] = []
        mistakes: dict[str, str] = {}
        for rule in rules:
            try:
                asked = _wanted(tenant_id, rule, event, paces[rule.agent], work)
            except ConditionFailed as error:
                mistakes[rule.name] = str(error)
            except TemplateFailed as error:
                mistakes[rule.name] = str(error)
                detail = f"trigger {rule.name!r}, event {event.id!r}: {error}"
                work.letters.append(
                    dead(
                        arrived.message,
                        origin=arrived.origin,
                        code="template_failed",
                        detail=detail,
                    )
                )
            else:
                if asked is not None:
                    keys.append(key := key_of(rule, event))
                    work.asked.setdefault(key, (rule, asked))
        work.receipts.append((event, keys, mistakes))
    return work


def _wanted(
    tenant_id: TenantId, rule: Trigger, event: CloudEvent, pace: Pace | None, work: _Work
) -> Asked | None:
    """Return the job that a trigger wants to start with this event, or nothing."""
    budget = Budget(STEPS_OF_TRIGGER)
    size = 0
    try:
        if not is_wanted(rule, event, budget):
            return None
        asked = _asked(tenant_id, rule, event, pace, budget)
        size = len(asked[0].input)
        return asked
    finally:
        work.pay(rule, STEPS_OF_TRIGGER - budget.left, size)


def _asked(
    tenant_id: TenantId, rule: Trigger, event: CloudEvent, pace: Pace | None, budget: Budget
) -> Asked:
    if pace is None:
        raise TemplateFailed(f"no worker has registered an agent {rule.agent!r}")
    told = {"trigger": rule.name, "event_id": event.id, "event_source": event.source}
    metadata = dict(list((rule.metadata | told).items())[-_MOST_METADATA:])
    submission = Submission(
        tenant_id=tenant_id,
        job_id=JobId(time_ordered(time.time_ns() // 1_000_000, os.urandom(10))),
        agent=rule.agent,
        input=filled(rule, event, budget),
        metadata={name: value[:_LONGEST_METADATA] for name, value in metadata.items()},
        priority=rule.priority,
        max_steps=rule.max_steps,
        max_cost_micro=rule.max_cost_micro,
    )
    return submission, pace


def _receipts(work: _Work, taken: Mapping[str, Taken]) -> list[Receipt]:
    return [
        Receipt(
            event=event,
            started=[
                Started(
                    trigger=work.asked[key][0],
                    job_id=taken[key].job_id,
                    # The job may be one that the same delivery started a moment ago.
                    replayed=not taken[key].created,
                )
                for key in keys
            ],
            mistakes=mistakes,
        )
        for event, keys, mistakes in work.receipts
    ]


def _due(tenant_id: TenantId, job_id: JobId) -> Due:
    return Due(tenant_id=tenant_id, job_id=job_id, position=0, kind=StepKind.PLAN, lane=Lane.PLAN)
