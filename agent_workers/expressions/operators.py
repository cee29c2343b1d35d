"""What operators do with values of JSON, instants and durations."""

import math
import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from agent_workers.expressions.budget import BYTES_PER_STEP, Budget
from agent_workers.expressions.errors import NoValue

_LARGEST: Final = 2**63 - 1
_TYPES: Final = {
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    list: "list",
    dict: "map",
    datetime: "timestamp",
    timedelta: "duration",
    type(None): "null_type",
}
TYPE_NAMES: Final = frozenset(_TYPES.values())


def type_of(value: object) -> str:
    """Name the type of a value, as the language does."""
    return _TYPES.get(type(value), type(value).__name__)


def is_number(value: object) -> bool:
    return type(value) is int or type(value) is float


def equal(left: object, right: object, budget: Budget) -> bool:
    """Values of different types are not equal, but numbers are compared as numbers."""
    if type(left) is str and type(right) is str:
        budget.spend_on_text(len(left))
        return left == right
    if type(left) is list and type(right) is list:
        budget.spend(4)
        return len(left) == len(right) and all(
            equal(one, other, budget) for one, other in zip(left, right, strict=True)
        )
    if type(left) is dict and type(right) is dict:
        budget.spend(4)
        return len(left) == len(right) and all(
            name in right and equal(value, right[name], budget) for name, value in left.items()
        )
    budget.spend(1)
    return (type(left) is type(right) or (is_number(left) and is_number(right))) and left == right


def contains(item: object, place: object, budget: Budget) -> bool:
    """Say whether an item is in a list, or a name in a map."""
    if type(place) is dict and not isinstance(item, list | dict | None):
        budget.spend(1)
        return type(item) is str and item in place
    if type(place) is not list:
        raise _undefined("in", item, place)
    if type(item) is str and len(item) < BYTES_PER_STEP:
        # Nothing else equals a text, and a short one is compared at once: the fast way is right.
        budget.spend(1 + len(place) // 4)
        return item in place
    budget.spend(1 + len(place) // 4)
    return any(equal(item, one, budget) for one in place)


# Any: what two values of one type do is known only when they are here.
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
COMPARISONS: Final = frozenset(_COMPARE)


def compare(sign: str, left: object, right: object, budget: Budget) -> bool:
    """Order two numbers, texts, truths, instants or durations."""
    if not (type(left) is type(right) or (is_number(left) and is_number(right))):
        raise _undefined(sign, left, right)
    if type(left) in (list, dict, type(None)):
        raise _undefined(sign, left, right)
    budget.spend_on_text(len(left) if isinstance(left, str) else 1)
    return _COMPARE[sign](left, right)


def add(left: object, right: object, budget: Budget) -> object:
    """Add numbers, or join texts or lists; time moves by a duration."""
    if isinstance(left, str) and isinstance(right, str):
        budget.spend_on_text((len(left) + len(right)) * 4)  # what is made must also be held
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        budget.spend(1 + (len(left) + len(right)) // 4)
        return left + right
    if isinstance(left, timedelta) and isinstance(right, datetime):
        left, right = right, left
    if isinstance(left, datetime | timedelta) and isinstance(right, timedelta):
        return _moved(left, right)
    return arithmetic("+", left, right)


def subtract(left: object, right: object) -> object:
    """Subtract numbers, instants or durations."""
    if isinstance(left, datetime) and isinstance(right, datetime):
        return left - right
    if isinstance(left, datetime | timedelta) and isinstance(right, timedelta):
        return _moved(left, -right)
    return arithmetic("-", left, right)


def negative(value: object) -> object:
    if not is_number(value):
        raise NoValue(f"-{type_of(value)} is not defined")
    return arithmetic("-", 0 if type(value) is int else -0.0, value)


def arithmetic(sign: str, left: object, right: object) -> object:
    """A whole number and a fraction make a fraction: JSON writes 100 where it means 100.0."""
    if not (is_number(left) and is_number(right)):
        raise _undefined(sign, left, right)
    assert isinstance(left, int | float)
    assert isinstance(right, int | float)
    if isinstance(left, int) and isinstance(right, int):
        return _whole(sign, in_range(left), in_range(right))
    try:
        return _FRACTIONS[sign](float(left), float(right))
    except OverflowError:
        raise NoValue("a number is out of range") from None
    except KeyError:
        raise _undefined(sign, left, right) from None


def _whole(sign: str, left: int, right: int) -> int:
    if sign in "/%":
        if right == 0:
            raise NoValue("division by zero")
        quotient = abs(left) // abs(right)
        quotient = quotient if (left < 0) == (right < 0) else -quotient
        return in_range(quotient if sign == "/" else left - quotient * right)
    return in_range(_WHOLE[sign](left, right))


def in_range(value: int) -> int:
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise NoValue("a whole number has more than 64 bits")
    return value


def _divided(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


_WHOLE: Final[dict[str, Callable[[int, int], int]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_FRACTIONS: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
}


def _moved(moment: datetime | timedelta, by: timedelta) -> object:
    try:
        return moment + by
    except OverflowError:
        raise NoValue("a time is out of range") from None


def _undefined(sign: str, left: object, right: object) -> NoValue:
    return NoValue(f"{type_of(left)} {sign} {type_of(right)} is not defined")
