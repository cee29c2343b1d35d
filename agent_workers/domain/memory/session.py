"""A session: what was said in a conversation, and how much of it a job may see."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain, groupby
from typing import Final
from uuid import UUID

# A single message may be a megabyte; whoever reads it is told that it was cut.
MOST_CHARS: Final = 20_000
_CHARS_PER_TOKEN: Final = 4
_TOKENS_OF_FORM: Final = 4
# One summary takes in so many times what a job may see; what is older goes unsaid.
_FOLDED_AT_ONCE: Final = 4


class OnBusy(StrEnum):
    """What becomes of a job whose session has another one that has not ended."""

    QUEUE = "queue"
    REJECT = "reject"
    INTERRUPT = "interrupt"


class OnStuckTurn(StrEnum):
    """What becomes of the turn of a job in doubt or in quarantine while others wait behind it."""

    WAIT = "wait"
    SKIP = "skip"
    FAIL = "fail"


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidCall:
    """A tool call within a message; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMessage:
    """One message; a job's input and its answer have the same turn."""

    turn: int
    role: Role
    text: str
    calls: tuple[SaidCall, ...] = ()
    call_id: str = ""
    job_id: UUID | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the turns of a range came to, in the words of a model."""

    text: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTerms:
    """How much of a conversation a job sees."""

    messages: int = 50
    tokens: int = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a job sees of the turns before its own, oldest first."""

    messages: tuple[SessionMessage, ...] = ()
    # What turns before those came to, where somebody has summed them up.
    summary: Summary | None = None
    # What a summary should take in now, because not all of it fits any more.
    to_fold: tuple[SessionMessage, ...] = ()
    version: str = ""


SILENCE: Final = Conversation()


def conversation_of(
    messages: Sequence[SessionMessage],
    terms: SessionTerms,
    *,
    summary: Summary | None = None,
    version: str = "",
) -> Conversation:
    """Choose the newest that fit, in whole turns, and calls only with their results."""
    whole = tuple(_units(messages))
    shown = _newest(whole, messages=terms.messages, tokens=terms.tokens)
    to_fold: tuple[SessionMessage, ...] = ()
    if len(shown) < len(whole):
        # Down to the half of it, or every other job would have to sum up again.
        kept = _newest(whole, messages=terms.messages // 2, tokens=terms.tokens // 2)
        older = whole[: len(whole) - len(kept)]
        at_once = _newest(
            older,
            messages=terms.messages * _FOLDED_AT_ONCE,
            tokens=terms.tokens * _FOLDED_AT_ONCE,
        )
        to_fold = tuple(chain.from_iterable(at_once))
    return Conversation(
        messages=tuple(chain.from_iterable(shown)),
        summary=summary,
        to_fold=to_fold,
        version=version,
    )


def tokens_of(message: SessionMessage) -> int:
    """Say about how many tokens a message takes; exact counts are each provider's own."""
    written = message.text + "".join(call.name + call.arguments for call in message.calls)
    return _TOKENS_OF_FORM + len(written.encode("utf-8", "replace")) // _CHARS_PER_TOKEN


Unit = tuple[SessionMessage, ...]


def _newest(units: Sequence[Unit], *, messages: int, tokens: int) -> Sequence[Unit]:
    taken = 0
    for unit in reversed(units):
        messages -= len(unit)
        tokens -= sum(map(tokens_of, unit))
        if messages < 0 or tokens < 0:
            break
        taken += 1
    return units[len(units) - taken :]


def _units(messages: Sequence[SessionMessage]) -> Iterator[Unit]:
    """Put together what stands or falls together: a turn, and calls with all of their results."""
    open_calls: set[str] = set()
    unit: list[SessionMessage] = []
    for _, said in groupby(messages, key=lambda message: message.turn):
        turn = tuple(said)
        answers = turn[0].call_id in open_calls
        if not answers:
            if unit and not open_calls:
                yield tuple(unit)
            # Calls that were never answered are left out, and so are answers to nothing.
            unit, open_calls = [], set()
        if turn[0].role is Role.TOOL and not answers:
            continue
        unit += turn
        open_calls.discard(turn[0].call_id)
        open_calls |= {call.id for message in turn for call in message.calls}
    if unit and not open_calls:
        yield tuple(unit)
