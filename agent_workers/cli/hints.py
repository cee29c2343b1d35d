"""What to do when the API cannot be reached, or says no: a remedy for each code."""

import re
from collections.abc import Sequence

from agent_workers.client.errors import ClientError, Refused, Unreachable
from agent_workers.domain.errors import StateUnavailable

_ID = re.compile(r"([a-z]+)_[0-9A-Za-z-]{8,}")
_KINDS = {
    "job": "a job",
    "batch": "a batch",
    "sched": "a schedule",
    "run": "a run of a schedule",
    "trg": "a trigger",
    "we": "a webhook endpoint",
    "whd": "a delivery of a webhook",
    "mem": "a memory",
    "dl": "a dead letter",
    "evt": "an event",
    "msg": "a message",
}
# Of what there is none: how its ids begin, and what lists those that there are.
_MISSING = {
    "job_not_found": ("job", "jobs list"),
    "batch_not_found": ("batch", "batches list"),
    "schedule_not_found": ("sched", "schedules list"),
    "memory_not_found": ("mem", "memory list"),
    "trigger_not_found": ("trg", "triggers list"),
    "webhook_endpoint_not_found": ("we", "webhooks endpoints"),
    "webhook_delivery_not_found": ("whd", "webhooks deliveries"),
    "effect_not_found": ("", "doubts list"),
    "session_not_found": ("", "sessions list"),
    "artifact_not_found": ("", "jobs files JOB"),
    "agent_not_found": ("", "agents list"),
    "tool_not_found": ("", "tools list"),
    "mcp_server_not_found": ("", "mcp list"),
    "dead_letter_not_found": ("dl", "triggers letters"),
}
_REMEDIES = {
    "missing_key": "set AGENT_API_KEY; `agent-workers keys create` makes a key",
    "invalid_key": "check AGENT_API_KEY or --api-key: another system may serve this address;"
    " `agent-workers keys create` makes a key",
    "unknown_agent": "`agent-workers agents list` shows the agents that are known here; an agent becomes"
    " known when a worker loads its module (`agent-workers up --tools MODULE`)",
}
_START = "start one with `agent-workers up`, or set AGENT_API_URL to where it is"


def without_database(error: StateUnavailable) -> str:
    """Say in one line why Postgres gives nothing, and what to do."""
    # Its first line: it says where, which nobody else knows here.
    why = str(error).partition("\n")[0].removeprefix("connection failed: ").strip()
    return f"Postgres does not answer ({why}): is it running? `agent-workers doctor` says more"


def hint_of(error: ClientError, words: Sequence[str]) -> str:
    """Return what to do about an error, in the light of the words of the command."""
    match error:
        case Unreachable():
            return _START
        case Refused() if error.code in _REMEDIES:
            return _REMEDIES[error.code]
        case Refused() if error.code in _MISSING:
            return _of_missing(*_MISSING[error.code], words)
        case _:
            return ""


def _of_missing(prefix: str, listing: str, words: Sequence[str]) -> str:
    others = [found for found in map(_ID.fullmatch, words) if found and found[1] in _KINDS]
    if prefix and others and all(found[1] != prefix for found in others):
        other = others[0]
        wanted = f"the id of {_KINDS[prefix]} begins with {prefix}_"
        return f"{other[0]} is the id of {_KINDS[other[1]]}, and {wanted}"
    return f"`agent-workers {listing}` shows what there is"
