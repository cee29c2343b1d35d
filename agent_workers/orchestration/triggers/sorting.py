"""Sorts events to the triggers that want them; reads the templates of those triggers only."""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from agent_workers.domain.ids import JobId, TenantId, time_ordered
from agent_workers.domain.job import Submission
from agent_workers.domain.triggers.event import CloudEvent
from agent_workers.domain.triggers.trigger import Selector, Trigger, key_of
from agent_workers.expressions.budget import Budget
from agent_workers.orchestration.triggers.arriving import Arrived
from agent_workers.orchestration.triggers.filling import TemplateFailed, filled
from agent_workers.orchestration.triggers.matching import (
    ConditionFailed,
    Matcher,
    is_wanted,
    variables_of,
)
from agent_workers.orchestration.triggers.template import Template
from agent_workers.orchestration.triggers.work import Becomes, Work
from agent_workers.state.jobs.submissions import Asked, Pace

# What one trigger may take for one event: about a twentieth of a second.
STEPS_OF_TRIGGER = 200_000
# What it takes to ask for a job besides, whether its template can be filled or not.
_STEPS_OF_JOB = 40

_LONGEST_METADATA = 512
_MOST_METADATA = 16

Paces = Callable[[TenantId, str], Pace | None]


class Rules(Protocol):
    """A tenant's triggers that are enabled."""

    def selectors(self, tenant_id: TenantId, /) -> Sequence[Selector]: ...

    def enabled(self, tenant_id: TenantId, among: Collection[UUID], /) -> Sequence[Trigger]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A trigger that has been wanted by an event, with what starting its jobs takes."""

    trigger: Trigger
    template: Template
    pace: Pace | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """An event that a trigger wants; `budget` is what is left to it."""

    becomes: Becomes
    selector: Selector
    known: Mapping[str, object]
    budget: Budget


class Sorter:
    """Reads a tenant's triggers once, for as many messages as are taken together."""

    def __init__(self, tenant_id: TenantId, rules: Rules, paces: Paces) -> None:
        self._tenant_id = tenant_id
        self._rules = rules
        self._paces = paces
        self._matchers = [Matcher(one) for one in rules.selectors(tenant_id)]
        self._ready: dict[UUID, _Ready | None] = {}
        self._known: dict[str, Pace | None] = {}

    def work(self, arrived: Arrived) -> Work:
        """Work out what a message asks for, or raise TooMuchAtOnce."""
        work = Work(arrived=arrived)
        wanted = [one for event in arrived.events for one in self._wanted(event, work)]
        self._read({one.selector.trigger_id for one in wanted}, work)
        for one in wanted:
            self._ask(one, work)
        return work

    def _wanted(self, event: CloudEvent, work: Work) -> Iterator[_Wanted]:
        becomes = Becomes(event=event)
        work.events.append(becomes)
        known = variables_of(event)
        for matcher in self._matchers:
            selector = matcher.selector
            work.pay(selector, matcher.steps)
            if not matcher.is_named(event):
                continue
            budget = Budget(STEPS_OF_TRIGGER)
            try:
                if matcher.holds(known, budget):
                    work.pay(selector, _STEPS_OF_JOB)
                    yield _Wanted(becomes=becomes, selector=selector, known=known, budget=budget)
            except ConditionFailed as error:
                work.tell(becomes, selector.name, str(error))
            work.pay(selector, STEPS_OF_TRIGGER - max(budget.left, 0))

    def _read(self, wanted: Collection[UUID], work: Work) -> None:
        """Read the triggers that have not been read yet; one that is gone meanwhile stays away."""
        new = wanted - self._ready.keys()
        found = {one.trigger_id: one for one in self._rules.enabled(self._tenant_id, new)}
        for trigger_id in new:
            trigger = found.get(trigger_id)
            self._ready[trigger_id] = None if trigger is None else self._made_ready(trigger, work)

    def _made_ready(self, trigger: Trigger, work: Work) -> _Ready:
        template = Template(trigger.template)
        work.pay(trigger, template.steps)
        if trigger.agent not in self._known:
            self._known[trigger.agent] = self._paces(self._tenant_id, trigger.agent)
        return _Ready(trigger=trigger, template=template, pace=self._known[trigger.agent])

    def _ask(self, wanted: _Wanted, work: Work) -> None:
        """Ask for the job, unless the message has asked for it already."""
        becomes, budget = wanted.becomes, wanted.budget
        ready = self._ready[wanted.selector.trigger_id]
        if ready is None or not self._is_still_wanted(wanted, ready.trigger):
            return
        key = key_of(ready.trigger, becomes.event)
        left = budget.left
        try:
            if key not in work.asked:
                work.ask(key, ready.trigger, self._asked(wanted, ready))
            becomes.keys.append(key)
        except TemplateFailed as error:
            work.tell_unfilled(becomes, ready.trigger.name, str(error))
        work.pay(ready.trigger, left - max(budget.left, 0))

    def _is_still_wanted(self, wanted: _Wanted, trigger: Trigger) -> bool:
        """A trigger that was changed meanwhile must want the event as it is now."""
        if trigger.updated_at == wanted.selector.updated_at:
            return True
        try:
            return is_wanted(trigger, wanted.becomes.event, wanted.budget)
        except ConditionFailed:
            return False

    def _asked(self, wanted: _Wanted, ready: _Ready) -> Asked:
        trigger, event = ready.trigger, wanted.becomes.event
        code, why = Pace.objection(ready.pace, trigger.agent)
        if code or ready.pace is None:
            raise TemplateFailed(why)
        told = {"trigger": trigger.name, "event_id": event.id, "event_source": event.source}
        metadata = dict(list((trigger.metadata | told).items())[-_MOST_METADATA:])
        submission = Submission(
            tenant_id=self._tenant_id,
            job_id=JobId(time_ordered(time.time_ns() // 1_000_000, os.urandom(10))),
            agent=trigger.agent,
            input=filled(ready.template, wanted.known, wanted.budget),
            metadata={name: value[:_LONGEST_METADATA] for name, value in metadata.items()},
            priority=trigger.priority,
            max_steps=trigger.max_steps,
            max_cost_micro=trigger.max_cost_micro,
        )
        return submission, ready.pace
