"""What a tool's signature must say; what is wrong with it is told with the line of the tool."""

from collections.abc import Callable

import pytest

from agent_workers import Clock, Effect, tool
from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.values.signature import signature_of


class Order:
    """Something that no JSON schema describes."""


def untyped(at) -> str:
    return str(at)


def hidden(_at: str) -> str:
    return _at


def several(*at: str) -> str:
    return "".join(at)


def any_name(**at: str) -> str:
    return "".join(at)


def forward(at: "Nowhere") -> str:  # type: ignore[name-defined]  # noqa: F821 (tested)
    return str(at)


def opaque(at: Order) -> str:
    return str(at)


def timed(*, clock: Clock) -> str:
    return str(clock)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (untyped, ": argument 'at' needs a type"),
        (hidden, ": argument '_at' must not begin with '_'"),
        (several, ": a planner cannot fill *at: list the arguments by name"),
        (any_name, ": a planner cannot fill **at: list the arguments by name"),
        (forward, ": its annotations make no JSON schema: name 'Nowhere' is not defined"),
        (opaque, ": its annotations make no JSON schema: Unable to generate pydantic-core schema"),
    ],
)
def test_a_mistake_in_a_signature_is_told_with_its_line(
    function: Callable[..., str], words: str
) -> None:
    place = f"tests/unit/execution/tools/test_signatures.py:{function.__code__.co_firstlineno}"
    with pytest.raises(Misdeclared) as refused:
        signature_of(tool(effect=Effect.PURE)(function))
    assert str(refused.value).startswith(f"tool {function.__name__!r} ({place}){words}")
    assert "\n" not in str(refused.value)


def test_so_is_what_an_isolated_tool_asks_of_its_worker() -> None:
    with pytest.raises(Misdeclared, match=r":\d+\) is isolated, so a worker cannot give it clock:"):
        signature_of(tool(effect=Effect.PURE, isolated=True)(timed))
