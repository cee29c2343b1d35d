"""The parameters in paths: what each may be, and the problem when there is nothing of that name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import Field
from starlette.requests import Request

from agent_workers.domain.ids import (
    BATCH_ID,
    DEAD_LETTER_ID,
    DELIVERY_ID,
    ENDPOINT_ID,
    MEMORY_ID,
    SCHEDULE_ID,
    TRIGGER_ID,
    JobId,
    PublicId,
    from_wire,
)
from api.http.forms import MCP_SERVER_FORM, SESSION_FORM
from api.http.shapes import (
    AnyJobIdText,
    BatchIdText,
    DeadLetterId,
    DeliveryId,
    EndpointId,
    MemoryId,
    ScheduleIdText,
    TriggerId,
)
from api.problems import missing

_Name = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
_ToolName = Annotated[str, Field(pattern="^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]
_FileName = Annotated[
    str,
    Field(
        json_schema_extra={"pattern": r"^[^\x00-\x1f\x7f\\]{1,512}$"},
        description="The name as it is in the list; a slash in it may be written as %2F.",
    ),
]
_EffectKey = Annotated[str, Field(pattern="^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$")]
_Position = Annotated[str, Field(pattern="^[0-9]{1,10}$")]
_SessionId = Annotated[str, Field(pattern=SESSION_FORM)]
_McpServerName = Annotated[str, Field(pattern=MCP_SERVER_FORM)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathParameter:
    name: str
    kind: object
    missing: str


# An id in a path -> how it is written, its type, and the code of the problem.
_IDS: dict[str, tuple[PublicId, object, str]] = {
    "batch_id": (BATCH_ID, BatchIdText, "batch_not_found"),
    "delivery_id": (DELIVERY_ID, DeliveryId, "webhook_delivery_not_found"),
    "endpoint_id": (ENDPOINT_ID, EndpointId, "webhook_endpoint_not_found"),
    "letter_id": (DEAD_LETTER_ID, DeadLetterId, "dead_letter_not_found"),
    "memory_id": (MEMORY_ID, MemoryId, "memory_not_found"),
    "schedule_id": (SCHEDULE_ID, ScheduleIdText, "schedule_not_found"),
    "trigger_id": (TRIGGER_ID, TriggerId, "trigger_not_found"),
}
# A path that ends in another parameter -> the type of the parameter, and the code of the problem.
_KNOWN: dict[str, tuple[object, str]] = {
    "/v1/agents/{name}": (_Name, "agent_not_found"),
    "/v1/agents/{name}/versions/{version}": (_Name, "agent_not_found"),
    "/v1/doubts/{effect_key}": (_EffectKey, "effect_not_found"),
    "/v1/jobs/{job_id}": (AnyJobIdText, "job_not_found"),
    "/v1/jobs/{job_id}/artifacts/{name:path}": (_FileName, "artifact_not_found"),
    "/v1/jobs/{job_id}/steps/{position}": (_Position, "not_found"),
    "/v1/mcp_servers/{name}": (_McpServerName, "mcp_server_not_found"),
    "/v1/sessions/{session_id}": (_SessionId, "session_not_found"),
    "/v1/tools/{name}": (_ToolName, "tool_not_found"),
}


def id_of(request: Request, name: str) -> UUID:
    """Return an id from the path, or end the request: there is nothing of another form."""
    kind, _, code = _IDS[name]
    found = kind.read(request.path_params[name])
    if found is None:
        raise missing(code)
    return found


def job_id_of(request: Request) -> JobId:
    job_id = from_wire(request.path_params["job_id"])
    if job_id is None:
        raise missing("job_not_found")
    return job_id


def parameters_of(path: str) -> Iterator[PathParameter]:
    """Yield what stands in braces in a path."""
    for match in re.finditer(r"{(\w+)(?::\w+)?}", path):
        name = match[1]
        kind, missing = _IDS[name][1:] if name in _IDS else _KNOWN[path[: match.end()]]
        yield PathParameter(name=name, kind=kind, missing=missing)
