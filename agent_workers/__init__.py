"""Durable agent jobs on a message queue: what you declare them with."""

from agent_workers.client.client import Client
from agent_workers.domain.agent import (
    Agent,
    Answer,
    Continue,
    GiveUp,
    Past,
    Plan,
    Situation,
    Use,
)
from agent_workers.domain.effect import EffectClass as Effect
from agent_workers.domain.effect import OnDoubt
from agent_workers.domain.errors import NotExecuted, ToolError, TryLater
from agent_workers.domain.job import Limits
from agent_workers.domain.tool import (
    Absent,
    Call,
    Contradictory,
    Found,
    Statement,
    Transaction,
    tool,
)

__all__ = [
    "Absent",
    "Agent",
    "Answer",
    "Call",
    "Client",
    "Continue",
    "Contradictory",
    "Effect",
    "Found",
    "GiveUp",
    "Limits",
    "NotExecuted",
    "OnDoubt",
    "Past",
    "Plan",
    "Situation",
    "Statement",
    "ToolError",
    "Transaction",
    "TryLater",
    "Use",
    "tool",
]
