"""Regular expressions that cannot backtrack: what one may cost is known when it is parsed."""

import threading
from dataclasses import dataclass
from typing import Any, Final

import re2

from agent_workers.expressions.errors import Malformed, NoValue
from agent_workers.expressions.nodes import Node, Scope
from agent_workers.expressions.operators import type_of

_MOST_STATES: Final = 2_000
_MEMORY: Final = 1 << 20
# What the slowest patterns take, measured: sixteen states looked at, or a fifth of one compiled.
_STATES_PER_STEP: Final = 16
_STEPS_PER_STATE: Final = 5


@dataclass(frozen=True, slots=True)
class Matches:
    """`text.matches("pattern")`: is the pattern somewhere in the text?"""

    text: Node
    pattern: str
    states: int

    @property
    def parsing_cost(self) -> int:
        return self.states * _STEPS_PER_STATE

    def value(self, scope: Scope) -> object:
        text = self.text.value(scope)
        if not isinstance(text, str):
            raise NoValue(f"{type_of(text)}.matches(…) is not defined")
        scope.budget.spend(16 + len(text) // 8 + len(text) * self.states // _STATES_PER_STEP)
        found = _KEPT.get(self.pattern)
        if found is None:
            scope.budget.spend(self.parsing_cost)
            found = _compiled(self.pattern)
        return found.search(text) is not None


def matches(text: Node, pattern: str) -> Matches:
    """Return the look for a pattern, or raise Malformed."""
    states: int = _compiled(pattern).programsize
    if states > _MOST_STATES:
        raise Malformed(f"the pattern {pattern[:40]!r} is too large")
    return Matches(text, pattern, states)


# Few: each holds up to a megabyte. Any: the library has no types.
_KEPT: Final[dict[str, Any]] = {}
_MOST_KEPT: Final = 64
_keeping = threading.Lock()


# Any: as above.
def _compiled(pattern: str) -> Any:  # noqa: ANN401
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        made = re2.compile(pattern, options)
    except re2.error as error:
        [said] = error.args
        raise Malformed(
            f"{pattern[:40]!r} is not a regular expression: {said.decode()[:100]}"
        ) from None
    with _keeping:
        if len(_KEPT) >= _MOST_KEPT:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[pattern] = made
    return made
