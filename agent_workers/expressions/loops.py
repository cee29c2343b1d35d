"""Loops over the items of a list or the names of a map: all, exists, exists_one, map, filter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from agent_workers.expressions.errors import NoValue
from agent_workers.expressions.nodes import Node, Scope, truth
from agent_workers.expressions.operators import type_of

# How many expressions stand after the name of the item: map may have a condition first.
LOOPS: Final = {
    "all": {1},
    "exists": {1},
    "exists_one": {1},
    "existsOne": {1},
    "filter": {1},
    "map": {1, 2},
}
_NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class Loop:
    """`over.kind(name, of)`; the last of `of` is what is looked at or made of each item."""

    kind: str
    over: Node
    name: str
    of: Sequence[Node]

    def value(self, scope: Scope) -> object:
        scope.budget.spend(1)
        over = self.over.value(scope)
        if not isinstance(over, list | dict):
            raise NoValue(f"{type_of(over)}.{self.kind}(…) is not defined")
        if isinstance(over, dict):
            scope.budget.spend(len(over))
            over = list(over)
        before = scope.named.get(self.name, _NOTHING)
        try:
            return self._told(over, scope)
        finally:
            if before is _NOTHING:
                scope.named.pop(self.name, None)
            else:
                scope.named[self.name] = before

    def _told(self, items: list[object], scope: Scope) -> object:
        match self.kind:
            case "all":
                return self._is_decided(items, scope, by=False)
            case "exists":
                return self._is_decided(items, scope, by=True)
            case "filter":
                return [item for item in self._each(items, scope) if truth(self.of[0].value(scope))]
            case "map":
                return [
                    self.of[-1].value(scope)
                    for _ in self._each(items, scope)
                    if len(self.of) == 1 or truth(self.of[0].value(scope))
                ]
            case _:
                return sum(truth(self.of[0].value(scope)) for _ in self._each(items, scope)) == 1

    def _is_decided(self, items: list[object], scope: Scope, *, by: bool) -> bool:
        """One item may decide, whatever becomes of those before it."""
        failed: NoValue | None = None
        for _ in self._each(items, scope):
            try:
                if truth(self.of[0].value(scope)) is by:
                    return by
            except NoValue as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return not by

    def _each(self, items: list[object], scope: Scope) -> Iterator[object]:
        for item in items:
            scope.budget.spend(2)
            scope.named[self.name] = item
            yield item
