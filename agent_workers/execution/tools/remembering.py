"""Remembers the good results of tools that say how long they may serve, and recalls them."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol

from agent_workers.domain.claim import Claimed
from agent_workers.domain.text.encoding import canonical
from agent_workers.domain.tools.remembered import Remembered
from agent_workers.execution.agents.registry import LoadedTool
from agent_workers.execution.tools.describing import place_of
from agent_workers.execution.users_code.calling import call_within
from agent_workers.execution.values.signature import facilities_of


class ToolAnswers(Protocol):
    """The shared store of what tools gave; it never fails."""

    def find(self, key: str) -> Remembered | None: ...

    def keep(self, key: str, answer: Remembered, *, stale_for: timedelta) -> None: ...


def remember(answers: ToolAnswers, claimed: Claimed, tool: LoadedTool, result: bytes) -> None:
    """Keep a result that is what the tool promises, when the tool says for how long."""
    stale_for = tool.declared.stale_for
    if stale_for is None or not is_good(tool, result):
        return
    answer = Remembered(tool=tool.declared.name, result=result, at=datetime.now(UTC))
    answers.keep(key_of(claimed, tool), answer, stale_for=stale_for)


def recall(answers: ToolAnswers, claimed: Claimed, tool: LoadedTool) -> Remembered | None:
    """Find what the tool gave for these arguments, unless it is too old by now."""
    stale_for = tool.declared.stale_for
    if stale_for is None:
        return None
    found = answers.find(key_of(claimed, tool))
    # It may have been kept when the tool still said longer.
    if found is None or datetime.now(UTC) - found.at > stale_for:
        return None
    return found


def is_good(tool: LoadedTool, result: bytes) -> bool:
    """Say whether a result is what the tool's own check takes for good."""
    check = tool.declared.check
    if check is None:
        return True
    try:
        return call_within(tool.declared.timeout, check, json.loads(result)) is None
    except Exception:  # noqa: BLE001  # a check is a user's code; its failure objects too
        return False


def key_of(claimed: Claimed, tool: LoadedTool) -> str:
    """Name a call so that only one that must give the same has the same name.

    What a tool reads of its job or of its user is for that job alone.
    """
    function = tool.declared.function
    # Two tools may have one name and take the same, and one may come to give something else.
    gives = json.dumps(tool.signature.result.schema, sort_keys=True)
    of = [claimed.tenant_id, tool.declared.name, tool.signature.schema_hash]
    of += [place_of(tool.declared), gives]
    if tool.signature.takes_call or facilities_of(function):
        of.append(claimed.job_id.hex)
    return sha256(canonical([*of, claimed.arguments.decode()])).hexdigest()
