"""Declaring a function as a tool, with parentheses and without."""

import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Tool


@tool
def bare(city: str) -> str:
    """Look outside."""
    return city


@tool()
def empty(city: str) -> str:
    """Look outside."""
    return city


@pytest.mark.parametrize("declared", [bare, empty])
def test_a_tool_that_declares_nothing_is_unsafe_with_parentheses_or_without(declared: Tool) -> None:
    assert isinstance(declared, Tool)
    assert declared.effect is EffectClass.UNSAFE
    assert declared.unsaid == ("effect", "timeout")
    assert (declared.description, declared("Lisbon")) == ("Look outside.", "Lisbon")


def test_what_is_no_function_is_no_tool() -> None:
    with pytest.raises(Misdeclared, match="@tool is for functions, and 'bare' is not one"):
        tool("bare")  # type: ignore[call-overload]  # that is the point


def test_what_has_no_name_of_its_own_needs_one() -> None:
    class Looks:
        def __call__(self) -> str:
            return "it rains"

    with pytest.raises(Misdeclared, match="give it one with name="):
        tool(Looks())
