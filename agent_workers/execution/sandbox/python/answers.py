"""Reads what comes out of a sandbox: nothing in it is believed to be well-formed, or small."""

import json
import math
import signal
from contextlib import suppress
from typing import Final, NoReturn

from agent_workers.domain.text.strict_json import DEEPEST, LARGEST
from agent_workers.execution.sandbox.confining.processes import Ended
from agent_workers.execution.sandbox.ports import (
    Bounds,
    Died,
    Finished,
    OutOfMemory,
    Raised,
    Ran,
    TimedOut,
    TooMuchOutput,
)

# How long an answer may be whose text may be so long: JSON writes a character in six at most.
_ESCAPED: Final = 6
_AROUND: Final = 32_768
_LONGEST_NAME, _LONGEST_WORDS = 200, 2_000
_BY_SIGNAL: Final = 128
_OUT_OF_TIME: Final = {signal.SIGXCPU, signal.SIGALRM}


class NotJson(ValueError):
    """What came out is not JSON as we take it; the message says why."""


def longest(bounds: Bounds) -> int:
    """Return how many bytes an answer may have."""
    return _ESCAPED * bounds.output + _AROUND


def read_json(written: str) -> object:
    """Read strict JSON: no NaN, nothing infinite, no endless numbers, not too deep."""
    try:
        value: object = json.loads(
            written, parse_constant=_refuse, parse_float=_finite, parse_int=_whole
        )
    except RecursionError:
        raise NotJson(f"it is nested deeper than {DEEPEST}") from None
    except ValueError as error:
        raise NotJson(str(error)) from None
    if _deeper_than(DEEPEST, value):
        raise NotJson(f"it is nested deeper than {DEEPEST}")
    return _whole_characters(value)


def ran(ended: Ended, bounds: Bounds) -> Ran:
    """Say how a program ended that `runner.py` ran."""
    if ended.too_much:
        return TooMuchOutput(bounds.output)
    assert bounds.wall is not None
    if out_of_time(ended):
        return TimedOut(bounds.wall)
    try:
        answer = read_json(ended.output.decode("utf-8", "replace"))
    except NotJson as error:
        return _unread(ended, str(error))
    return _told(answer, bounds) if isinstance(answer, dict) else Died("it answered nonsense")


def out_of_time(ended: Ended) -> bool:
    """Say whether its time was over, whether we ended it or the kernel did."""
    return ended.timed_out or _killed_by(ended.code) in _OUT_OF_TIME


def _told(answer: dict[str, object], bounds: Bounds) -> Ran:
    printed = answer.get("printed", "")
    if not isinstance(printed, str):
        return Died("it answered nonsense")
    match answer.get("ended"):
        case "finished":
            return _finished(answer.get("value"), printed, bounds)
        case "raised":
            error, message = str(answer.get("error")), str(answer.get("message"))
            return Raised(
                error=error[:_LONGEST_NAME],
                message=message[:_LONGEST_WORDS],
                printed=printed[: bounds.output],
                way=str(answer.get("way") or "")[:_LONGEST_WORDS],
            )
        case "memory":
            return OutOfMemory(bounds.memory)
        case "output":
            return TooMuchOutput(bounds.output)
        case _:
            return Died("it answered nonsense")


def _finished(value: object, printed: str, bounds: Bounds) -> Ran:
    long = len(json.dumps(value)) + len(printed) > bounds.output
    return TooMuchOutput(bounds.output) if long else Finished(value=value, printed=printed)


def _unread(ended: Ended, why: str) -> Died | Raised:
    """Say what is known of a program that left no answer that can be read."""
    if killed := _killed_by(ended.code):
        return Died(f"ended by {_signal(killed)}")
    said = ended.said.strip().splitlines()
    if ended.code > 0:
        return Died(": ".join([f"exit code {ended.code}", *said[-1:]])[:_LONGEST_WORDS])
    if not ended.output:
        return Died("it ended without an answer")
    return Raised(error="NotJson", message=f"its result cannot be returned: {why}")


def _killed_by(code: int) -> int:
    """Return the signal, as we see it or as bubblewrap and the engines say it."""
    if code < 0:
        return -code
    return code - _BY_SIGNAL if code > _BY_SIGNAL else 0


def _signal(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _whole_characters(value: object) -> object:
    """Put a question mark for half a surrogate pair, which JSON lets through and nobody can write."""
    written = json.dumps(value, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError:
        whole: object = json.loads(written.encode("utf-8", "replace"))
        return whole
    return value


def _refuse(word: str) -> NoReturn:
    raise NotJson(f"{word} is not a JSON number")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise NotJson("a number is too large")
    return number


def _whole(word: str) -> int:
    number = int(word)
    if not -LARGEST - 1 <= number <= LARGEST:
        raise NotJson("a number is too large")
    return number


def _deeper_than(most: int, value: object) -> bool:
    level = [value]
    for _ in range(most):
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        if not inner:
            return False
        level = inner
    return True
