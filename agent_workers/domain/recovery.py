"""The recovery policy: from what failed, and what was tried, to what is tried next. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from agent_workers.domain.recovery_rows import ROWS, Row, Way

_FIRST = timedelta(milliseconds=500)
_LONGEST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What failed: its code, and what whoever failed said of trying again."""

    code: str
    retryable: bool = False
    retry_after: timedelta | None = None
    parks_on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What was tried for this step, and what is left to try."""

    tries: int = 0
    max_tries: int = 1
    # From 0 to 1: spreads those who failed together.
    jitter: float = 1.0
    # A tool that takes the same arguments; only named when this one certainly did nothing.
    other_tool: str = ""
    # What it gave earlier is kept, and may be given again.
    is_remembered: bool = False
    # A person is to be asked of this call, and has not been yet.
    asks_person: bool = False
    other_agent: str = ""
    # Whoever plans can be shown what failed.
    is_shown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAt:
    """The same again, once this has passed."""

    delay: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkOn:
    """The same again, once the breaker or the quota lets it; no try is used up."""

    name: str
    wait: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTool:
    tool: str


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """Go on with what the tool gave earlier."""


@dataclass(frozen=True, slots=True)
class AskPerson:
    """A person says what is to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherAgent:
    agent: str


@dataclass(frozen=True, slots=True)
class Replan:
    """Show the failure to whoever judges and plans: it is data for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """The job fails; the message is for the people it was done for."""

    user_message: str


Remedy = RetryAt | ParkOn | OtherTool | CachedAnswer | AskPerson | OtherAgent | Replan | Abort


def recover(failure: Failure, means: Means) -> Remedy:
    """Take the first way of the failure's row that is open."""
    row = row_of(failure)
    for way in row.ways:
        remedy = _REMEDIES[way](failure, means)
        if remedy is not None:
            return remedy
    return Abort(user_message=row.user_message)


def row_of(failure: Failure) -> Row:
    """Return the row of a code; a tool's own code goes by what its error class says."""
    default = ROWS["exception" if failure.retryable else "tool_error"]
    return ROWS.get(failure.code, default)


def user_message(code: str) -> str:
    """Say in a sentence for end users why a job failed."""
    return row_of(Failure(code=code)).user_message


def delay_after(tries: int, *, jitter: float) -> timedelta:
    """Double with every try up to a bound; `jitter` from 0 to 1 spreads over the upper half."""
    whole = min(_LONGEST, _FIRST * (1 << min(tries - 1, 20)))
    return whole * (0.5 + 0.5 * jitter)


def _park(failure: Failure, _: Means) -> Remedy | None:
    if not failure.parks_on:
        return None
    return ParkOn(name=failure.parks_on, wait=failure.retry_after)


def _retry(failure: Failure, means: Means) -> Remedy | None:
    tries = means.tries + 1
    if tries >= means.max_tries:
        return None
    return RetryAt(delay=failure.retry_after or delay_after(tries, jitter=means.jitter))


def _other_tool(_: Failure, means: Means) -> Remedy | None:
    return OtherTool(tool=means.other_tool) if means.other_tool else None


def _cached_answer(_: Failure, means: Means) -> Remedy | None:
    return CachedAnswer() if means.is_remembered else None


def _person(_: Failure, means: Means) -> Remedy | None:
    return AskPerson() if means.asks_person else None


def _other_agent(_: Failure, means: Means) -> Remedy | None:
    return OtherAgent(agent=means.other_agent) if means.other_agent else None


def _replan(_: Failure, means: Means) -> Remedy | None:
    return Replan() if means.is_shown else None


def _elsewhere(_failure: Failure, _means: Means) -> None:
    """Nothing for the engine: whoever called has done it by now, or somebody else does."""


_REMEDIES: Mapping[Way, Callable[[Failure, Means], Remedy | None]] = {
    Way.PARK: _park,
    Way.RETRY: _retry,
    Way.RETRY_IN_PLACE: _elsewhere,
    Way.OTHER_MODEL: _elsewhere,
    Way.OTHER_TOOL: _other_tool,
    Way.CACHED_ANSWER: _cached_answer,
    Way.OTHER_AGENT: _other_agent,
    Way.REPLAN: _replan,
    Way.PERSON: _person,
}
