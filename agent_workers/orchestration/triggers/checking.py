"""Refuses a trigger that can never work, or that is larger than one may be."""

import json
from typing import Final

from agent_workers.domain.triggers.trigger import Trigger, TriggerRefused
from agent_workers.expressions.conditions import problem_of
from agent_workers.orchestration.triggers.matching import KNOWN
from agent_workers.orchestration.triggers.template import Template

MOST_EXPRESSIONS: Final = 100
# As JSON in ASCII. A trigger is written by hand; what is larger belongs into the event.
LARGEST_TRIGGER: Final = 65_536
# Of that, what is read for every event: types, sources and conditions.
LARGEST_SELECTOR: Final = 16_384
_SHOWN: Final = 100


def check_trigger(trigger: Trigger) -> None:
    """Raise TriggerRefused, which says what is wrong and where."""
    _check_sizes(trigger)
    for index, condition in enumerate(trigger.where):
        problem = problem_of(condition, KNOWN)
        if problem:
            raise TriggerRefused(problem, pointer=f"/where/{index}")
    _check_template(trigger.template)


def _check_sizes(trigger: Trigger) -> None:
    selector = [trigger.types, trigger.sources, trigger.where]
    if _size(selector) > LARGEST_SELECTOR:
        problem = (
            f"types, sources and conditions may have at most {LARGEST_SELECTOR} bytes together"
        )
        raise TriggerRefused(problem, pointer="/where")
    whole = [selector, trigger.name, trigger.agent, trigger.template, trigger.metadata]
    if _size(whole) > LARGEST_TRIGGER:
        problem = f"a trigger may have at most {LARGEST_TRIGGER} bytes as JSON in ASCII"
        raise TriggerRefused(problem, pointer="/input")


def _check_template(given: object) -> None:
    template = Template(given)
    if len(template.expressions) > MOST_EXPRESSIONS:
        problem = f"a template may have at most {MOST_EXPRESSIONS} expressions"
        raise TriggerRefused(problem, pointer="/input")
    for source in template.expressions:
        problem = problem_of(source, KNOWN)
        if problem:
            raise TriggerRefused(f"{source[:_SHOWN]}: {problem}", pointer="/input")


def _size(value: object) -> int:
    return len(json.dumps(value))
