"""What a model is told of the engaging tools: only those that its agent may use, as schemas."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.agents.engine_calls import (
    LONGEST_CHOICE,
    LONGEST_NAME,
    LONGEST_QUESTION,
    LONGEST_S,
    MOST_CHOICES,
    MOST_USD,
)
from agent_workers.domain.agents.engine_tools import (
    ASK_PERSON,
    DELEGATE,
    HAND_OFF,
    SEND_EVENT,
    WAIT,
    WAIT_FOR_EVENT,
)
from agent_workers.execution.models.values import ToolSchema

_NUL: Final = r"^[^\x00]*$"
_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=_NUL)]
_Timeout = Annotated[float, Field(ge=0, le=LONGEST_S)] | None


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Delegate(_Asked):
    agent: _Name
    # Any: an agent's input is JSON of its own shape.
    input: str | dict[str, Any]
    max_cost_usd: Annotated[float, Field(gt=0, le=MOST_USD)] | None = None
    timeout_seconds: _Timeout = None


class _HandOff(_Asked):
    agent: _Name
    # Any: as above.
    input: str | dict[str, Any]
    reason: Annotated[str, Field(max_length=LONGEST_QUESTION, pattern=_NUL)] = ""


class _SendEvent(_Asked):
    job_id: Annotated[
        str,
        Field(pattern=r"^(job_|resp_)?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$"),
    ]
    name: _Name
    # Any: what is sent is JSON of the sender's shape.
    data: Any = None


class _WaitForEvent(_Asked):
    name: _Name
    timeout_seconds: _Timeout = None


class _Wait(_Asked):
    seconds: Annotated[float, Field(ge=0, le=LONGEST_S)]


_Choice = Annotated[str, Field(min_length=1, max_length=LONGEST_CHOICE, pattern=_NUL)]


class _AskPerson(_Asked):
    question: Annotated[str, Field(min_length=1, max_length=LONGEST_QUESTION, pattern=_NUL)]
    choices: Annotated[list[_Choice], Field(max_length=MOST_CHOICES)] | None = None
    timeout_seconds: _Timeout = None


_MODELS: Mapping[str, type[BaseModel]] = {
    DELEGATE: _Delegate,
    HAND_OFF: _HandOff,
    SEND_EVENT: _SendEvent,
    WAIT_FOR_EVENT: _WaitForEvent,
    WAIT: _Wait,
    ASK_PERSON: _AskPerson,
}
_SAID: Mapping[str, str] = {
    DELEGATE: "Let another agent do a part of the work, and go on with its answer.",
    HAND_OFF: "Let another agent take over for good: its answer is the answer.",
    SEND_EVENT: "Send an event to another job, which may be waiting for it.",
    WAIT_FOR_EVENT: "Wait until an event of this name is sent to this job.",
    WAIT: "Let time pass before going on.",
    ASK_PERSON: "Ask a person, and wait for the answer; give choices where there are few.",
}
# With a team an agent may use these; all others only when it lists them by name.
_OF_TEAMS = (DELEGATE, HAND_OFF)


def engaging_schemas(agent: Agent) -> tuple[ToolSchema, ...]:
    """The engaging tools that a model may plan for this agent."""
    return tuple(
        ToolSchema(name=name, description=_SAID[name], parameters=_schema(model))
        for name, model in engaging_models(agent).items()
    )


def _schema(model: type[BaseModel]) -> Mapping[str, object]:
    schema = model.model_json_schema()
    schema.pop("title", None)
    return schema


def engaging_models(agent: Agent) -> Mapping[str, type[BaseModel]]:
    """The same tools with what checks their arguments: only agents of the team may be named."""
    own = {name: _MODELS[name] for name in agent.engages if name not in _OF_TEAMS}
    return _team_models(tuple(agent.team)) | own if agent.team else own


@cache
def _team_models(team: tuple[str, ...]) -> dict[str, type[BaseModel]]:
    # Any: a Literal that is made of names known only now.
    member: Any = Literal[team]
    return {
        name: create_model(_MODELS[name].__name__, __base__=_MODELS[name], agent=(member, ...))
        for name in _OF_TEAMS
    }
