"""Declaring tools: the `tool` decorator and the `Call` a tool receives, as plain values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from agent_workers.domain.effect import EffectClass, EffectRules, OnDoubt
from agent_workers.domain.errors import Misdeclared

R = TypeVar("R")
# Any: a tool is the user's function; its signature is read, not known, here.
ToolFunction = Callable[..., Any]
# Any: it gets whatever the tool returned, as JSON.
Check = Callable[[Any], str | None]
_DEFAULT_TIMEOUT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a tool may know of the step that calls it; `key` never changes across retries."""

    key: str
    tenant_id: str
    job_id: UUID
    position: int
    attempt: int
    user_id: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement of a transactional tool, run inside the record transaction."""

    sql: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Transaction(Generic[R]):
    """What a transactional tool returns: statements to run with the record, and a result."""

    statements: Sequence[Statement]
    result: R


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """A look-up saw the effect: this is its result."""

    result: R


@dataclass(frozen=True, slots=True)
class Absent:
    """A look-up saw, with certainty, that the effect did not happen."""


@dataclass(frozen=True, slots=True)
class Contradictory:
    """A look-up saw something that cannot be; a person has to look."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A declared tool: the user's function, and what it promises about its effect."""

    name: str
    function: ToolFunction
    description: str
    effect: EffectClass
    timeout: timedelta
    key_ttl: timedelta | None
    settle: timedelta
    look_up: ToolFunction | None
    on_doubt: OnDoubt
    scopes: tuple[str, ...]
    max_tries: int
    # Says what is wrong with a result, or nothing when it is what was promised.
    check: Check | None = None
    # The tool of the same agent that is asked when this one has failed for good.
    fallback: str | None = None
    # A good result may be given again for so long, when the tool has failed for good.
    stale_for: timedelta | None = None
    # A person says what is to be done when the tool has failed for good.
    ask_on_failure: bool = False

    @property
    def rules(self) -> EffectRules:
        """What the effect protocol goes by."""
        return EffectRules(
            cls=self.effect,
            timeout=self.timeout,
            key_ttl=self.key_ttl,
            settle=self.settle,
            has_lookup=self.look_up is not None,
            on_doubt=self.on_doubt,
        )

    # Any: the declared tool stays callable with the user's own signature.
    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (see above)
        """Call the function itself, as plain Python, with no engine around it."""
        return self.function(*args, **kwargs)


def tool(  # noqa: PLR0913 (what a tool may declare, each by its name)
    *,
    effect: EffectClass = EffectClass.UNSAFE,
    name: str | None = None,
    timeout: timedelta = _DEFAULT_TIMEOUT,
    key_ttl: timedelta | None = None,
    settle: timedelta = timedelta(seconds=1),
    look_up: ToolFunction | None = None,
    on_doubt: OnDoubt = OnDoubt.ASK,
    scopes: Sequence[str] = (),
    max_tries: int = 4,
    check: Check | None = None,
    fallback: str | None = None,
    stale_for: timedelta | None = None,
    ask_on_failure: bool = False,
) -> Callable[[ToolFunction], Tool]:
    """Declare a function as a tool. An undeclared effect is `unsafe`: never repeated."""

    def declare(function: ToolFunction) -> Tool:
        declared = Tool(
            name=name or function.__name__,
            function=function,
            description=(function.__doc__ or "").strip(),
            effect=effect,
            timeout=timeout,
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
        )
        _check(declared)
        return declared

    return declare


def _check(declared: Tool) -> None:
    name, effect = declared.name, declared.effect
    if effect is EffectClass.KEYED and declared.key_ttl is None:
        raise Misdeclared(f"tool {name!r} is keyed: say how long its keys live with key_ttl=")
    if declared.key_ttl is not None and declared.key_ttl <= declared.rules.key_margin:
        least = declared.rules.key_margin
        raise Misdeclared(f"tool {name!r}: key_ttl must be longer than {least} at this timeout")
    if effect is EffectClass.RECONCILABLE and declared.look_up is None:
        raise Misdeclared(f"tool {name!r} is reconcilable: give its look-up with look_up=")
    if declared.timeout <= timedelta(0):
        raise Misdeclared(f"tool {name!r}: timeout must be positive")
    if declared.max_tries < 1:
        raise Misdeclared(f"tool {name!r}: max_tries must be at least 1")
    if declared.stale_for is not None and effect is not EffectClass.PURE:
        raise Misdeclared(f"tool {name!r} is {effect.value}: stale_for= is for pure tools only")
    if declared.stale_for is not None and declared.stale_for <= timedelta(0):
        raise Misdeclared(f"tool {name!r}: stale_for must be positive")
