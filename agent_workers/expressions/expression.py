"""An expression as others use it: parsed once, evaluated within a budget."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from agent_workers.expressions.budget import Budget
from agent_workers.expressions.errors import Malformed, NoValue
from agent_workers.expressions.nodes import Scope
from agent_workers.expressions.parsing import Parser

LONGEST: Final = 1_000


class Expression:
    """`names` are those whose values it needs; it has no others."""

    def __init__(self, source: str) -> None:
        if len(source) > LONGEST:
            raise Malformed(f"it has more than {LONGEST} characters")
        parser = Parser(source)
        self._node = parser.whole()
        self._to_pay = parser.cost
        self.names = frozenset(parser.names)

    def value(self, known: Mapping[str, object], budget: Budget) -> object:
        """Return its value, or raise NoValue or TooCostly; who needs it first pays for parsing it."""
        to_pay, self._to_pay = self._to_pay, 0
        budget.spend(to_pay)
        named = {name: known[name] for name in self.names if name in known}
        try:
            return self._node.value(Scope(named, budget))
        except RecursionError:
            raise NoValue("the values are nested too deep") from None
        except (ArithmeticError, ValueError) as error:  # of a value that we did not think of
            raise NoValue(f"it has no value: {type(error).__name__}") from None


@lru_cache(maxsize=2_048)
def expression(source: str) -> Expression:
    """Parse an expression, or raise Malformed."""
    return Expression(source)
