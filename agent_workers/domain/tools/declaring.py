"""Declaring a function as a tool: the `tool` decorator, with or without parentheses."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import overload

from agent_workers.domain.effect import EffectClass, OnDoubt
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.tools.tool import Check, Tool, ToolFunction, mistakes_of_tool

_TIMEOUT = timedelta(seconds=30)
_SETTLE = timedelta(seconds=1)


@overload
def tool(function: ToolFunction, /) -> Tool: ...
@overload
def tool(
    *,
    effect: EffectClass | None = ...,
    name: str | None = ...,
    timeout: timedelta | None = ...,
    key_ttl: timedelta | None = ...,
    settle: timedelta = ...,
    look_up: ToolFunction | None = ...,
    on_doubt: OnDoubt = ...,
    scopes: Sequence[str] = ...,
    max_tries: int = ...,
    check: Check | None = ...,
    fallback: str | None = ...,
    stale_for: timedelta | None = ...,
    ask_on_failure: bool = ...,
    cache_for: timedelta | None = ...,
    concurrency: int | None = ...,
    isolated: bool = ...,
    network: Sequence[int] = ...,
    version: str = ...,
) -> Callable[[ToolFunction], Tool]: ...
def tool(  # noqa: PLR0913 (what a tool may declare, each by its name)
    function: ToolFunction | None = None,
    /,
    *,
    effect: EffectClass | None = None,
    name: str | None = None,
    timeout: timedelta | None = None,
    key_ttl: timedelta | None = None,
    settle: timedelta = _SETTLE,
    look_up: ToolFunction | None = None,
    on_doubt: OnDoubt = OnDoubt.ASK,
    scopes: Sequence[str] = (),
    max_tries: int = 4,
    check: Check | None = None,
    fallback: str | None = None,
    stale_for: timedelta | None = None,
    ask_on_failure: bool = False,
    cache_for: timedelta | None = None,
    concurrency: int | None = None,
    isolated: bool = False,
    network: Sequence[int] = (),
    version: str = "",
) -> Tool | Callable[[ToolFunction], Tool]:
    """Declare a function as a tool. An undeclared effect is `unsafe`: never repeated."""
    said = {"effect": effect, "timeout": timeout}

    def declare(function: ToolFunction) -> Tool:
        if not callable(function):
            raise Misdeclared(f"@tool is for functions, and {function!r} is not one")
        called = name or getattr(function, "__name__", None)
        if called is None:
            raise Misdeclared(f"{function!r} has no name: give it one with name=")
        declared = Tool(
            name=called,
            function=function,
            description=(function.__doc__ or "").strip(),
            effect=effect or EffectClass.UNSAFE,
            timeout=_TIMEOUT if timeout is None else timeout,
            key_ttl=key_ttl,
            settle=settle,
            look_up=look_up,
            on_doubt=on_doubt,
            scopes=tuple(scopes),
            max_tries=max_tries,
            check=check,
            fallback=fallback,
            stale_for=stale_for,
            ask_on_failure=ask_on_failure,
            cache_for=cache_for,
            concurrency=concurrency,
            isolated=isolated,
            network=tuple(network),
            version=version,
            unsaid=tuple(name for name, value in said.items() if value is None),
        )
        wrong = next(mistakes_of_tool(declared), None)
        if wrong is not None:
            raise Misdeclared(wrong)
        return declared

    return declare if function is None else declare(function)
