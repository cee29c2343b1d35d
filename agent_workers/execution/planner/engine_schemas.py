"""What a model is told of the calls that the engine does: those that its agent may use, as schemas."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.agents.engine_calls import (
    ENGINE_TOOLS,
    LONGEST_CHOICE,
    LONGEST_S,
    MOST_CHOICES,
    MOST_USD,
    Argument,
    Kind,
)
from agent_workers.domain.agents.engine_tools import DELEGATE, HAND_OFF
from agent_workers.execution.models.values import ToolSchema

_NUL: Final = r"^[^\x00]*$"
_JOB: Final = r"^(job_|resp_)?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$"
_Choice = Annotated[str, Field(min_length=1, max_length=LONGEST_CHOICE, pattern=_NUL)]
# With a team an agent may use these; all others only when it lists them by name.
_OF_TEAMS = (DELEGATE, HAND_OFF)
# Any: types of arguments, as values; what is sent to jobs is JSON of its own shape.
_TYPES: Final[Mapping[Kind, Any]] = {
    Kind.INPUT: str | dict[str, Any],
    Kind.JOB: Annotated[str, Field(pattern=_JOB)],
    Kind.JSON: Any,
    Kind.CHOICES: Annotated[list[_Choice], Field(max_length=MOST_CHOICES)],
    Kind.SECONDS: Annotated[float, Field(ge=0, le=LONGEST_S)],
    Kind.DOLLARS: Annotated[float, Field(gt=0, le=MOST_USD)],
}


class _Call(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def engine_schemas(agent: Agent) -> tuple[ToolSchema, ...]:
    """The calls of the engine that a model may plan for this agent."""
    return tuple(
        ToolSchema(name=name, description=ENGINE_TOOLS[name].description, parameters=_schema(model))
        for name, model in engine_models(agent).items()
    )


def engine_models(agent: Agent) -> Mapping[str, type[BaseModel]]:
    """The same calls with what checks their arguments: only agents of the team may be named."""
    own = {name: _model(name) for name in agent.engages if name not in _OF_TEAMS}
    return _team_models(tuple(agent.team)) | own if agent.team else own


@cache
def _team_models(team: tuple[str, ...]) -> dict[str, type[BaseModel]]:
    # Any: a Literal that is made of names known only now.
    member: Any = Literal[team]
    return {
        name: create_model(name, __base__=_model(name), agent=(member, ...)) for name in _OF_TEAMS
    }


@cache
def _model(name: str) -> type[BaseModel]:
    fields: dict[str, Any] = {
        key: _field(argument)
        for key, argument in ENGINE_TOOLS[name].arguments.items()
        if argument.kind is not Kind.CALL
    }
    return create_model(name, __base__=_Call, **fields)


def _field(argument: Argument) -> tuple[Any, object]:
    """Return the type of an argument, and what it is when it is left out."""
    if argument.kind is Kind.TEXT:
        bounds = Field(min_length=argument.least or None, max_length=argument.longest, pattern=_NUL)
        return Annotated[str, bounds], ... if argument.required else ""
    kind = _TYPES[argument.kind]
    if argument.required:
        return kind, ...
    return kind if argument.kind is Kind.JSON else kind | None, None


def _schema(model: type[BaseModel]) -> Mapping[str, object]:
    schema = model.model_json_schema()
    schema.pop("title", None)
    return schema
