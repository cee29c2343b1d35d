"""Says which events a trigger wants: by type, source, and conditions over what is in them."""

from collections.abc import Mapping, Sequence
from typing import Final

from agent_workers.domain.triggers.event import CloudEvent
from agent_workers.domain.triggers.trigger import Selector
from agent_workers.expressions.budget import Budget
from agent_workers.expressions.conditions import CannotTell, holds
from agent_workers.expressions.errors import TooCostly

_ATTRIBUTES: Final = (
    "id source specversion type subject time datacontenttype dataschema data data_base64".split()
)
KNOWN: Final = frozenset((*_ATTRIBUTES, "event"))
# What looking at an event takes before any expression does, and what each condition takes besides.
_STEPS_OF_LOOK: Final = 4
_STEPS_OF_CONDITION: Final = 20
_CHARACTERS_PER_STEP: Final = 64


class ConditionFailed(Exception):
    """A condition cannot be told of an event, so the trigger does not want it."""


class Matcher:
    """A selector, made ready to look at many events; `steps` is what each look takes."""

    def __init__(self, selector: Selector) -> None:
        self.selector = selector
        self._types, self._sources = _Names(selector.types), _Names(selector.sources)
        patterns = map(len, (*selector.types, *selector.sources))
        self.steps = _STEPS_OF_LOOK + sum(patterns) // _CHARACTERS_PER_STEP

    def is_named(self, event: CloudEvent) -> bool:
        """Say whether the type and the source are among those that are wanted."""
        return self._types.hold(event.type) and self._sources.hold(event.source)

    def holds(self, known: Mapping[str, object], budget: Budget) -> bool:
        """Say whether all conditions are met, or raise ConditionFailed."""
        for index, condition in enumerate(self.selector.where):
            try:
                budget.spend(_STEPS_OF_CONDITION)
                if not holds(condition, known, budget):
                    return False
            except (CannotTell, TooCostly) as error:
                raise ConditionFailed(f"/where/{index}: {error}") from None
        return True


def is_wanted(selector: Selector, event: CloudEvent, budget: Budget) -> bool:
    """Say whether a trigger wants an event, or raise ConditionFailed."""
    matcher = Matcher(selector)
    return matcher.is_named(event) and matcher.holds(variables_of(event), budget)


def variables_of(event: CloudEvent) -> dict[str, object]:
    """Return what expressions may name: each attribute, null where it is missing, and the event."""
    known: dict[str, object] = {name: event.members.get(name) for name in _ATTRIBUTES}
    return known | {"event": dict(event.members)}


class _Names:
    """Patterns: exact names, or what a name begins with and a `*`."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._exact = frozenset(patterns)
        self._begins = tuple(one[:-1] for one in patterns if one.endswith("*"))

    def hold(self, name: str) -> bool:
        # A name that ends in a star is no pattern, but then it begins as that pattern does.
        return name in self._exact or name.startswith(self._begins)
