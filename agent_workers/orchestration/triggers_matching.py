"""Says which events a trigger wants: by type, source, and conditions over what is in them."""

from typing import Final

from agent_workers.domain.trigger import Trigger, TriggerRefused, is_named
from agent_workers.domain.trigger_event import CloudEvent
from agent_workers.expressions.budget import Budget
from agent_workers.expressions.conditions import CannotTell, holds, problem_of

_ATTRIBUTES: Final = (
    "id source specversion type subject time datacontenttype dataschema data data_base64".split()
)
KNOWN: Final = frozenset((*_ATTRIBUTES, "event"))


class ConditionFailed(Exception):
    """A condition cannot be told of an event, so the trigger does not want it."""


def is_wanted(trigger: Trigger, event: CloudEvent, budget: Budget) -> bool:
    """Say whether a trigger wants an event, or raise ConditionFailed."""
    if not is_named(event.type, trigger.types) or not is_named(event.source, trigger.sources):
        return False
    known = variables_of(event)
    for condition in trigger.where:
        try:
            if not holds(condition, known, budget):
                return False
        except CannotTell as error:
            raise ConditionFailed(f"{condition}: {error}") from None
    return True


def check_conditions(trigger: Trigger) -> None:
    """Refuse a trigger with a condition that can never be told."""
    for index, condition in enumerate(trigger.where):
        problem = problem_of(condition, KNOWN)
        if problem:
            raise TriggerRefused(problem, pointer=f"/where/{index}")


def variables_of(event: CloudEvent) -> dict[str, object]:
    """Return what expressions may name: each attribute, null where it is missing, and the event."""
    known: dict[str, object] = {name: event.members.get(name) for name in _ATTRIBUTES}
    return known | {"event": dict(event.members)}
