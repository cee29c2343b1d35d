"""What went wrong, as `application/problem+json`, from one table of codes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.text.strict_json import JsonRefused

MOST_MISTAKES = 100
MEDIA_TYPE = b"application/problem+json"
# code -> (status, title); the page at /errors is made from this table too.
CODES: dict[str, tuple[int, str]] = {
    "malformed_json": (400, "The body is not JSON"),
    "trailers_not_taken": (400, "Trailers after the body are not accepted"),
    "missing_key": (401, "An API key is needed"),
    "invalid_key": (401, "This API key is not valid"),
    "not_found": (404, "There is nothing at this path"),
    "job_not_found": (404, "There is no such job"),
    "artifact_not_found": (404, "The job has no such file"),
    "batch_not_found": (404, "There is no such batch"),
    "memory_not_found": (404, "There is no such memory"),
    "schedule_not_found": (404, "There is no such schedule"),
    "effect_not_found": (404, "There is no such effect"),
    "question_not_found": (404, "There is no such question"),
    "session_not_found": (404, "There is no such session"),
    "agent_not_found": (404, "There is no such agent"),
    "tool_not_found": (404, "There is no such tool"),
    "mcp_server_not_found": (404, "There is no such MCP server"),
    "trigger_not_found": (404, "There is no such trigger"),
    "dead_letter_not_found": (404, "There is no such dead letter"),
    "webhook_endpoint_not_found": (404, "There is no such endpoint"),
    "webhook_delivery_not_found": (404, "There is no such delivery"),
    "method_not_allowed": (405, "This method is not allowed here"),
    "not_acceptable": (406, "None of the accepted media types is available"),
    "request_timeout": (408, "The request did not arrive in time"),
    "illegal_move": (409, "The status does not allow this"),
    "session_busy": (409, "The session has a job that has not ended"),
    "session_of_another": (409, "The session belongs to another user"),
    "already_answered": (409, "The question already has another answer"),
    "batch_not_open": (409, "The batch takes no more items"),
    "items_missing": (409, "The batch has a different number of items"),
    "mcp_server_exists": (409, "There is already an MCP server with this name"),
    "trigger_name_taken": (409, "There is already a trigger with this name"),
    "webhook_endpoint_disabled": (409, "The endpoint is disabled"),
    "too_early": (409, "This cannot be known yet"),
    "idempotency_key_in_flight": (409, "The first request with this key has not finished"),
    "question_closed": (410, "The time to answer has passed"),
    "body_too_large": (413, "The body is too large"),
    "unsupported_media_type": (415, "The body must be application/json"),
    "invalid_request": (422, "The request is not valid"),
    "invalid_lines": (422, "Some lines are not valid"),
    "too_many_items": (422, "The batch has too many items"),
    "invalid_event": (422, "This is not a CloudEvents 1.0 event"),
    "too_much_at_once": (422, "These events ask for too much at once"),
    "quota_reached": (422, "The tenant has reached a quota"),
    "invalid_cursor": (422, "The cursor is not valid"),
    "unknown_agent": (422, "There is no such agent"),
    "agent_retired": (422, "The agent was retired"),
    "idempotency_key_reused": (422, "The key was used with a different request"),
    "budget_exceeded": (429, "A budget is used up"),
    "too_many_streams": (429, "The tenant has too many open streams"),
    "too_many_requests": (429, "The tenant has too many requests in progress"),
    "head_too_large": (431, "The headers of the request are too large"),
    "internal_error": (500, "Something went wrong on our side"),
    "not_stored": (500, "The job could not be stored"),
    "state_unavailable": (503, "The database cannot be reached"),
    "too_many_connections": (503, "This server has too many connections"),
    "stopping": (503, "This server is stopping"),
}
_RETRY_AFTER_S = {
    "too_early": 5,
    "idempotency_key_in_flight": 1,
    "budget_exceeded": 60,
    "request_timeout": 0,
    "too_many_streams": 5,
    "too_many_requests": 2,
    "too_many_connections": 1,
    "state_unavailable": 1,
    "stopping": 1,
}
_OURS = 500


class MistakeDetails(TypedDict):
    """One thing that is wrong with the request; the pointer leads into its body or query."""

    pointer: str
    detail: str


class OpenAiError(TypedDict):
    """The same problem, as clients made for OpenAI's API look for it."""

    message: str
    type: Literal["invalid_request_error", "server_error"]
    code: str
    param: str | None


class ProblemDetails(TypedDict):
    """What went wrong, as RFC 9457 says it."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: str
    code: Literal[tuple(CODES)]  # type: ignore[valid-type]
    request_id: str
    retryable: bool
    errors: list[MistakeDetails]
    error: OpenAiError


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong with a request, and where."""

    pointer: str
    detail: str


class Problem(Exception):
    """Ends a request with a problem; `code` is a key of CODES."""

    def __init__(
        self,
        *,
        code: str,
        detail: str,
        mistakes: Sequence[Mistake] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.mistakes = mistakes
        self.headers = headers or {}

    @property
    def status(self) -> int:
        return CODES[self.code][0]

    @property
    def retryable(self) -> bool:
        return self.code in _RETRY_AFTER_S

    def to_headers(self) -> list[tuple[bytes, bytes]]:
        named = {"cache-control": "no-store"}
        if self.retryable:
            named["retry-after"] = str(_RETRY_AFTER_S[self.code])
        elif self.status == 409:  # noqa: PLR2004 (SDKs try every 409 again unless told not to)
            named["x-should-retry"] = "false"
        named |= self.headers
        return [(name.encode(), value.encode("latin-1")) for name, value in named.items()]

    def to_bytes(self, *, request_id: str, instance: str) -> bytes:
        title = CODES[self.code][1]
        first = self.mistakes[0].pointer if self.mistakes else ""
        return json.dumps(
            {
                "type": f"/errors#{self.code}",
                "title": title,
                "status": self.status,
                "detail": self.detail,
                "instance": instance,
                "code": self.code,
                "request_id": request_id,
                "retryable": self.retryable,
                "errors": [{"pointer": m.pointer, "detail": m.detail} for m in self.mistakes],
                "error": {
                    "message": self.detail or title,
                    "type": "invalid_request_error" if self.status < _OURS else "server_error",
                    "code": self.code,
                    "param": first.removeprefix("/") or None,
                },
            }
        ).encode("ascii")


def invalid(detail: str, *, pointer: str = "", code: str = "invalid_request") -> Problem:
    """Return the problem of a request with one mistake."""
    return Problem(code=code, detail=detail, mistakes=[Mistake(pointer=pointer, detail=detail)])


def missing(code: str) -> Problem:
    """Return the problem of a request for what is not there, or is another tenant's."""
    return Problem(code=code, detail=f"{CODES[code][1]}.")


def problem_of(error: Exception) -> Problem:
    """Say an error in the words of this API; what we did not expect stays our secret."""
    match error:
        case Problem():
            return error
        case JsonRefused():
            code = "malformed_json" if error.malformed else "invalid_request"
            return invalid(error.detail, pointer=error.pointer, code=code)
        case AgentWorkersError() if error.code in CODES:
            hidden = CODES[error.code][0] >= _OURS
            detail = CODES[error.code][1] if hidden else str(error)
            return Problem(code=error.code, detail=detail)
        case _:
            return Problem(code="internal_error", detail="The request could not be handled.")
