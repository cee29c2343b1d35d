"""The parts of a parsed expression; each knows its value among named values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agent_workers.expressions import operators
from agent_workers.expressions.budget import Budget
from agent_workers.expressions.errors import NoValue
from agent_workers.expressions.functions import Function


@dataclass(slots=True)
class Scope:
    """What names stand for where a part is evaluated, and what it may still cost."""

    named: dict[str, object]
    budget: Budget


class Node(Protocol):
    def value(self, scope: Scope) -> object: ...


@dataclass(frozen=True, slots=True)
class Literal:
    literal: object

    def value(self, scope: Scope) -> object:
        scope.budget.spend(1)
        return self.literal


@dataclass(frozen=True, slots=True)
class Name:
    name: str

    def value(self, scope: Scope) -> object:
        scope.budget.spend(1)
        if self.name not in scope.named:
            raise NoValue(f"there is no {self.name!r} here")
        return scope.named[self.name]


@dataclass(frozen=True, slots=True)
class Member:
    """`of.name`."""

    of: Node
    name: str

    def value(self, scope: Scope) -> object:
        scope.budget.spend(1)
        of = _map(self.of.value(scope), self.name)
        if self.name not in of:
            raise NoValue(f"there is no member {self.name!r}")
        return of[self.name]


@dataclass(frozen=True, slots=True)
class Has:
    """`has(of.name)`."""

    of: Node
    name: str

    def value(self, scope: Scope) -> object:
        scope.budget.spend(1)
        return self.name in _map(self.of.value(scope), self.name)


@dataclass(frozen=True, slots=True)
class Item:
    """`of[at]`."""

    of: Node
    at: Node

    def value(self, scope: Scope) -> object:
        scope.budget.spend(1)
        of, at = self.of.value(scope), self.at.value(scope)
        if isinstance(of, list) and type(at) is int:
            if not 0 <= at < len(of):
                raise NoValue(f"there is no item {at} in a list of {len(of)}")
            return of[at]
        if isinstance(of, dict) and isinstance(at, str):
            if at not in of:
                raise NoValue(f"there is no member {at[:100]!r}")
            return of[at]
        raise NoValue(f"{operators.type_of(of)}[{operators.type_of(at)}] is not defined")


@dataclass(frozen=True, slots=True)
class ListOf:
    items: Sequence[Node]

    def value(self, scope: Scope) -> object:
        scope.budget.spend(2)
        return [item.value(scope) for item in self.items]


@dataclass(frozen=True, slots=True)
class MapOf:
    members: Sequence[tuple[Node, Node]]

    def value(self, scope: Scope) -> object:
        scope.budget.spend(3 + len(self.members))
        made: dict[str, object] = {}
        for key, value in self.members:
            name = key.value(scope)
            if not isinstance(name, str):
                raise NoValue(f"a name in a map must be a string, not {operators.type_of(name)}")
            if name in made:
                raise NoValue(f"a map names {name[:100]!r} twice")
            made[name] = value.value(scope)
        return made


@dataclass(frozen=True, slots=True)
class Choice:
    """`test ? then : other`."""

    test: Node
    then: Node
    other: Node

    def value(self, scope: Scope) -> object:
        scope.budget.spend(1)
        return (self.then if truth(self.test.value(scope)) else self.other).value(scope)


@dataclass(frozen=True, slots=True)
class Decided:
    """`left || right` (`by` is true) or `left && right` (`by` is false).

    Either side may decide by itself, whatever becomes of the other one.
    """

    left: Node
    right: Node
    by: bool

    def value(self, scope: Scope) -> object:
        scope.budget.spend(1)
        try:
            if truth(self.left.value(scope)) is self.by:
                return self.by
        except NoValue:
            if truth(self.right.value(scope)) is self.by:
                return self.by
            raise
        return truth(self.right.value(scope))


@dataclass(frozen=True, slots=True)
class Not:
    of: Node

    def value(self, scope: Scope) -> object:
        scope.budget.spend(1)
        return not truth(self.of.value(scope))


@dataclass(frozen=True, slots=True)
class Negative:
    of: Node

    def value(self, scope: Scope) -> object:
        scope.budget.spend(3)
        return operators.negative(self.of.value(scope))


@dataclass(frozen=True, slots=True)
class Binary:
    sign: str
    left: Node
    right: Node

    def value(self, scope: Scope) -> object:
        budget = scope.budget
        budget.spend(2)
        left, right = self.left.value(scope), self.right.value(scope)
        match self.sign:
            case "==":
                return operators.equal(left, right, budget)
            case "!=":
                return not operators.equal(left, right, budget)
            case "in":
                return operators.contains(left, right, budget)
            case "+":
                return operators.add(left, right, budget)
            case "-":
                return operators.subtract(left, right)
            case "*" | "/" | "%":
                return operators.arithmetic(self.sign, left, right)
            case _:
                return operators.compare(self.sign, left, right, budget)


@dataclass(frozen=True, slots=True)
class Call:
    function: Function
    given: Sequence[Node]

    def value(self, scope: Scope) -> object:
        given = [one.value(scope) for one in self.given]
        scope.budget.spend(self.function.price(given))
        return self.function.call(*given)


def truth(value: object) -> bool:
    """Take a value as true or false, which only these two are."""
    if not isinstance(value, bool):
        raise NoValue(f"it must be true or false, and is of type {operators.type_of(value)}")
    return value


def _map(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise NoValue(f"there is no member {name!r} in a value of type {operators.type_of(value)}")
    return value
