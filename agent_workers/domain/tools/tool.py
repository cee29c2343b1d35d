"""A declared tool, what it receives and what it may return, as plain values; and what can be wrong."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from agent_workers.domain.effect import EffectClass, EffectRules, OnDoubt

R = TypeVar("R")
# Any: a tool is the user's function; its signature is read, not known, here.
ToolFunction = Callable[..., Any]
# Any: it gets whatever the tool returned, as JSON.
Check = Callable[[Any], str | Awaitable[str | None] | None]
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_LONGEST_VERSION = 100
_HIGHEST_PORT = 65_535


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
    # A good result may be given again for so long instead of calling the tool.
    cache_for: timedelta | None = None
    # So many calls at once, over all workers.
    concurrency: int | None = None
    # Called in a child process with bounds, and with nothing of the worker's in its environment.
    isolated: bool = False
    # The ports that it may then connect to, by TCP; none: it has no network.
    network: tuple[int, ...] = ()
    # Says that the same arguments mean something else than before: it is in the hash of the schema.
    version: str = ""
    # What was not declared, of what every tool ought to say: `effect`, `timeout`.
    unsaid: tuple[str, ...] = ()
    # Of its arguments, where somebody else says what they are: then they come in as one, `root`.
    schema: Mapping[str, Any] | None = None

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


def mistakes_of_tool(declared: Tool) -> Iterator[str]:
    """Say everything that is wrong with a declaration, as far as it alone can tell."""
    named = f"tool {declared.name!r}"
    if not _NAME.fullmatch(declared.name):
        yield f"{named}: a name has at most 100 letters, digits, '_', '.' and '-'"
    if len(declared.version) > _LONGEST_VERSION:
        yield f"{named}: version must have at most {_LONGEST_VERSION} characters"
    if declared.timeout <= timedelta(0):
        yield f"{named}: timeout must be positive"
    if declared.max_tries < 1:
        yield f"{named}: max_tries must be at least 1"
    if declared.concurrency is not None and declared.concurrency < 1:
        yield f"{named}: concurrency must be at least 1"
    yield from _of_isolated_ones(declared, named)
    yield from _of_class(declared, named)
    yield from _of_pure_ones(declared, named)


def _of_isolated_ones(declared: Tool, named: str) -> Iterator[str]:
    if declared.isolated and declared.effect is EffectClass.TRANSACTIONAL:
        yield f"{named} is transactional, so it runs in the worker and cannot be isolated"
    if declared.network and not declared.isolated:
        yield f"{named}: network= is for isolated tools; others have the network of their worker"
    if not all(0 < port <= _HIGHEST_PORT for port in declared.network):
        yield f"{named}: network= takes ports from 1 to {_HIGHEST_PORT}"


def _of_class(declared: Tool, named: str) -> Iterator[str]:
    effect, ttl = declared.effect, declared.key_ttl
    if effect is EffectClass.KEYED and ttl is None:
        yield f"{named} is keyed: say how long its keys live with key_ttl="
    if ttl is not None and ttl <= declared.rules.key_margin:
        yield f"{named}: key_ttl must be longer than {declared.rules.key_margin} with this timeout"
    if effect is EffectClass.RECONCILABLE and declared.look_up is None:
        yield f"{named} is reconcilable: give its look-up with look_up="


def _of_pure_ones(declared: Tool, named: str) -> Iterator[str]:
    for member in ("stale_for", "cache_for"):
        span: timedelta | None = getattr(declared, member)
        if span is not None and declared.effect is not EffectClass.PURE:
            yield f"{named} is {declared.effect.value}: {member}= is for pure tools only"
        if span is not None and span <= timedelta(0):
            yield f"{named}: {member} must be positive"
