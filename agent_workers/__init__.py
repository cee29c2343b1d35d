"""Durable agent jobs on a message queue: what you declare them with."""

from agent_workers.client.client import Client
from agent_workers.domain.agents.agent import (
    Agent,
    Answer,
    Ask,
    Continue,
    Escalate,
    GiveUp,
    Past,
    Plan,
    PlanMode,
    Purpose,
    Replan,
    Retry,
    Route,
    Situation,
    Use,
)
from agent_workers.domain.agents.engine_tools import (
    ask_person,
    delegate,
    hand_off,
    send_event,
    wait,
    wait_for_event,
)
from agent_workers.domain.agents.judging import IfUnjudged, Judging
from agent_workers.domain.agents.workflow import Workflow, choose
from agent_workers.domain.effect import EffectClass as Effect
from agent_workers.domain.effect import OnDoubt
from agent_workers.domain.errors import FacilityError, NotExecuted, ToolError, TryLater
from agent_workers.domain.job import Limits
from agent_workers.domain.memory.embedding import Embedder
from agent_workers.domain.memory.knowledge import Knowledge
from agent_workers.domain.memory.memory import Memories
from agent_workers.domain.memory.session import OnStuckTurn
from agent_workers.domain.models.settings import ModelSettings
from agent_workers.domain.outside.email_message import Outbox
from agent_workers.domain.outside.http import Http, NotSent
from agent_workers.domain.outside.sending import http_sender
from agent_workers.domain.outside.sql_source import SqlSources
from agent_workers.domain.tools.clock import Clock
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import (
    Absent,
    Call,
    Contradictory,
    Found,
    Statement,
    Transaction,
)
from agent_workers.domain.tools.workspace import Workspace

__all__ = [
    "Absent",
    "Agent",
    "Answer",
    "Ask",
    "Call",
    "Client",
    "Clock",
    "Continue",
    "Contradictory",
    "Effect",
    "Embedder",
    "Escalate",
    "FacilityError",
    "Found",
    "GiveUp",
    "Http",
    "IfUnjudged",
    "Judging",
    "Knowledge",
    "Limits",
    "Memories",
    "ModelSettings",
    "NotExecuted",
    "NotSent",
    "OnDoubt",
    "OnStuckTurn",
    "Outbox",
    "Past",
    "Plan",
    "PlanMode",
    "Purpose",
    "Replan",
    "Retry",
    "Route",
    "Situation",
    "SqlSources",
    "Statement",
    "ToolError",
    "Transaction",
    "TryLater",
    "Use",
    "Workflow",
    "Workspace",
    "ask_person",
    "choose",
    "delegate",
    "hand_off",
    "http_sender",
    "send_event",
    "tool",
    "wait",
    "wait_for_event",
]
