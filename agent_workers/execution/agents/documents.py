"""The shape of an agent's document: what its YAML may say, and what is kept of every version."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_workers.domain.agents.agent import PlanMode, Route
from agent_workers.domain.agents.judging import Judging
from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.job import Limits
from agent_workers.domain.memory.session import OnStuckTurn
from agent_workers.domain.models.settings import ModelSettings
from agent_workers.execution.values.strict_documents import mistakes_of_document

# Kept beside the document, for whoever looks at a version; they follow from the rest of it.
DERIVED: Final = frozenset({"prompt_hashes"})
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_INNER: Final = {
    "limits": Limits,
    "judging": Judging,
    "routes": Route,
    "model_settings": ModelSettings,
    "settings_by_purpose": ModelSettings,
}
_WHOLE: Final = "an agent is a mapping of members, such as `name: support`"


class AgentDocument(BaseModel):
    """One agent as a document; its tools and Python parts are names that a worker looks up."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str
    version: str = ""
    description: str = ""
    mode: PlanMode = PlanMode.REACT
    model: str | None = None
    ladders: dict[str, tuple[str, ...]] = {}
    model_settings: ModelSettings = ModelSettings()
    settings_by_purpose: dict[str, ModelSettings] = {}
    instructions: str = ""
    prompts: dict[str, str] = {}
    variables: dict[str, str] = {}
    tools: tuple[str, ...] = ()
    limits: Limits = Limits()
    judging: Judging = Judging()
    # Any: a JSON schema.
    output: dict[str, Any] | None = None
    cites: bool = False
    team: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    fallback: str | None = None
    engages: tuple[str, ...] = ()
    cached: bool = False
    streamed: bool = False
    on_stuck_turn: OnStuckTurn = OnStuckTurn.WAIT
    stuck_after_s: float = Field(default=900.0, gt=0, le=2_592_000, allow_inf_nan=False)
    max_cost_usd_per_call: float = Field(default=0.0, ge=0, le=10_000, allow_inf_nan=False)
    step_timeout_s: float = Field(default=60.0, gt=0, le=86_400, allow_inf_nan=False)
    # In seconds, by the names of tools.
    timeout_overrides: dict[str, Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]] = {}
    plan: str = ""
    evaluate: str = ""
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A document that is not one of an agent, and why."""

    mistakes: tuple[Mistake, ...] = field(default_factory=tuple)


def read_document(value: object) -> AgentDocument | Unread:
    """Check a document; whatever is wrong with it is said at once."""
    # As JSON, where strict means: the types as they are written, and nothing else.
    text = json.dumps(value, default=str)
    if _NUL.search(text):
        return Unread(mistakes=(Mistake("", "text must not contain NUL"),))
    try:
        return AgentDocument.model_validate_json(text)
    except ValidationError as error:
        found = mistakes_of_document(error, _members, whole=_WHOLE)
        return Unread(mistakes=tuple(found))


def document_of(definition: Mapping[str, object]) -> AgentDocument:
    """Return the document of a version that was made known."""
    told = {key: value for key, value in definition.items() if key not in DERIVED}
    told["tools"] = [_tool(tool) for tool in _list(definition.get("tools"))]
    read = read_document(told)
    if isinstance(read, Unread):
        raise Misdeclared(f"this release cannot read the agent: {read.mistakes[0].line}")
    return read


def _tool(kept: object) -> object:
    if not isinstance(kept, dict):
        return kept
    pin = kept.get("pinned")
    return f"{kept['name']}@{pin}" if pin else kept["name"]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _members(place: tuple[int | str, ...]) -> list[str]:
    inner = _INNER.get(str(place[0]))
    if len(place) == 1 or inner is None:
        return list(AgentDocument.model_fields)
    return [one.name for one in fields(inner)]
