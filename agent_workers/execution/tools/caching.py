"""Gives results of pure tools again for as long as they say, and lets only one worker ask at a time."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from agent_workers.domain.claim import Claimed
from agent_workers.domain.step import Broke, ToolFailed, ToolRan
from agent_workers.execution.agents.registry import LoadedTool
from agent_workers.execution.tools.remembering import is_good, key_of

_PAUSES_S: Final = (0.02, 0.05, 0.1, 0.2, 0.25, 0.25, 0.25)
_SHARE: Final = 0.25
# After those the step waits without a worker: another one is asking, and takes its time.
_COME_AGAIN_S: Final = 1.0
Ran = ToolRan | ToolFailed | Broke


class ToolResults(Protocol):
    """The shared store of results, with one asker at a time for each; it never fails."""

    def find(self, key: str) -> bytes | None: ...

    def lead(self, key: str, *, longest_s: float | None = None) -> str | None:
        """Become the one who asks: a token, or None while another one does.

        Who asks for longer than `longest_s` hangs, and keeps nobody else from asking.
        """
        ...

    def keep(self, key: str, answer: bytes, *, token: str, ttl_s: float | None = None) -> None:
        """Store the result for all who wait for it, and let go."""
        ...

    def leave(self, key: str, *, token: str) -> None:
        """Let another one ask: there is no result to keep."""
        ...


def kept(results: ToolResults, claimed: Claimed, tool: LoadedTool) -> ToolRan | None:
    """Find what the tool gave for these arguments, unless it is too old by now."""
    cache_for = tool.declared.cache_for
    return None if cache_for is None else _found(results, _key(claimed, tool), cache_for)


def shared(
    results: ToolResults,
    claimed: Claimed,
    tool: LoadedTool,
    run: Callable[[], Ran],
    sleep: Callable[[float], None] = time.sleep,
) -> Ran:
    """Run a tool whose results serve for a while, unless somebody else is at it, or has been."""
    cache_for = tool.declared.cache_for
    if cache_for is None:
        return run()
    key = _key(claimed, tool)
    longest_s = tool.declared.rules.kernel_budget.total_seconds()
    for pause_s in _pauses(claimed):
        token = results.lead(key, longest_s=longest_s)
        # With the lead as well: between the look and the lead another one may have kept it.
        found = _found(results, key, cache_for)
        if found is None and token is not None:
            return _led(results, key, token, tool, run)
        if token is not None:
            results.leave(key, token=token)
        if found is not None:
            return found
        sleep(pause_s)
    return Broke(
        code="asked_already",
        message="another worker is calling this tool with the same arguments",
        retryable=True,
        retry_after_s=_COME_AGAIN_S,
        parks_on=f"result:{tool.declared.name}",
    )


def _pauses(claimed: Claimed) -> Iterator[float]:
    """Wait here for a small part of the step's time: the call itself needs the rest."""
    left_s = claimed.timeout_ms / 1_000 * _SHARE
    for pause_s in _PAUSES_S:
        yield min(pause_s, left_s)
        left_s -= pause_s
        if left_s <= 0:
            return


def _led(
    results: ToolResults, key: str, token: str, tool: LoadedTool, run: Callable[[], Ran]
) -> Ran:
    ran: Ran | None = None
    try:
        ran = run()
        return ran
    finally:
        serves = tool.declared.cache_for
        if serves is not None and isinstance(ran, ToolRan) and is_good(tool, ran.result):
            told = _told(ran.result, datetime.now(UTC))
            results.keep(key, told, token=token, ttl_s=serves.total_seconds())
        else:
            results.leave(key, token=token)


def _key(claimed: Claimed, tool: LoadedTool) -> str:
    return f"tool:{key_of(claimed, tool)}"


def _found(results: ToolResults, key: str, cache_for: timedelta) -> ToolRan | None:
    told = results.find(key)
    if told is None:
        return None
    head, _, result = told.partition(b"\n")
    try:
        at = datetime.fromisoformat(json.loads(head))
        # It may have been kept when the tool still said longer.
        is_old = datetime.now(UTC) - at > cache_for
    except (TypeError, ValueError):
        # Another release may write otherwise: then there is nothing.
        return None
    return None if is_old else ToolRan(result=result, cached_at=at)


def _told(result: bytes, at: datetime) -> bytes:
    return json.dumps(at.isoformat()).encode("ascii") + b"\n" + result
