"""What a worker gives to a tool that asks for it by type: files, memory, ways to the outside."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from agent_workers.domain.errors import FacilityError, ToolError
from agent_workers.domain.tools.tool import Call

F = TypeVar("F")


class Facility(Protocol):
    """A keyword-only parameter of a tool whose type derives from this is filled in by the worker.

    It is no argument: no planner sees it, and no model can set it. In a test it is passed by hand.
    """


class NotInstalled(FacilityError):
    """This installation does not have what a tool asks for; the message says which setting does."""

    code = "not_installed"


class NotBegun(ToolError):
    """The tool was not called: what it asks for could not be given to it."""

    code = "not_installed"


# Makes the facility of a type for one call; raises `NotInstalled`.
Give = Callable[[type, Call], object]
Made = Callable[[Call], object]


def no_facilities(wanted: type, call: Call) -> object:  # noqa: ARG001 (there are none for any call)
    """Give nothing: for processes that run no tools, and for tests."""
    raise NotInstalled(f"no {wanted.__name__} is available here")


def is_facility(hint: object) -> bool:
    """Say whether an annotation names something that the worker gives."""
    return isinstance(hint, type) and Facility in hint.__mro__
