"""What planners are offered in tests: tools that are only looked at, never run."""

from pydantic import BaseModel, ConfigDict

from agent_workers.execution.models.values import ToolSchema
from agent_workers.execution.planner.checks import Room
from agent_workers.execution.planner.tools import Offer


class Sum(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int = 0
    b: int = 0


class Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")
    to: str
    text: str


MODELS: dict[str, type[BaseModel]] = {"add": Sum, "send": Sent}
OFFER = Offer(
    schemas=tuple(
        ToolSchema(name=name, description=f"To {name}.", parameters=model.model_json_schema())
        for name, model in MODELS.items()
    ),
    models=MODELS,
    room=Room(),
)
