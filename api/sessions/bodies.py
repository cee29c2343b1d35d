"""What callers may say about sessions, and sessions and their messages as JSON text."""

import json
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from agent_workers.domain.ids import to_wire
from agent_workers.state.sessions.calls import MessageSeen, SessionSeen
from api.http.forms import TOOL_FORM, USER_FORM
from api.http.json_text import dumped, instant, raw, text
from api.http.shapes import (
    AnyJson,
    Body,
    Count,
    Instant,
    JobIdText,
    JsonObject,
    Variant,
    page_of,
    variants,
)

_Word = Annotated[str, Field(min_length=1, max_length=200)]
MOST_CALLS = 64


class MessageCall(Body):
    id: _Word
    name: Annotated[str, Field(pattern=TOOL_FORM)]
    arguments: JsonObject = Field(default={})


class MessageRequest(Body):
    model_config = ConfigDict(
        json_schema_extra=variants(
            Variant(fixed={"role": ("user",)}, null=("calls", "call_id")),
            Variant(fixed={"role": ("assistant",)}, null=("call_id",)),
            Variant(fixed={"role": ("tool",)}, null=("calls",), required=("call_id",)),
        )
    )

    role: Literal["user", "assistant", "tool"]
    content: AnyJson
    calls: Annotated[list[MessageCall], Field(min_length=1, max_length=MOST_CALLS)] | None = None
    call_id: _Word | None = None
    user_id: Annotated[str, Field(pattern=USER_FORM)] | None = None

    @model_validator(mode="after")
    def _fits_its_role(self) -> "MessageRequest":
        if self.calls is not None and self.role != "assistant":
            raise ValueError("`calls` are only for the role `assistant`")
        if (self.call_id is not None) != (self.role == "tool"):
            raise ValueError("the role `tool` needs a `call_id`, and no other role may have one")
        return self


class SessionSummaryReply(TypedDict):
    text: str
    first_turn: Count
    last_turn: Count


class SessionReply(TypedDict):
    """A conversation: the jobs of one session take turns."""

    object: Literal["session"]
    id: str
    user_id: str | None
    messages: Count
    summary: SessionSummaryReply | None
    job_id: JobIdText | None
    waiting: list[JobIdText]
    created_at: Instant
    used_at: Instant
    expires_at: Instant | None


class SessionMessageReply(TypedDict):
    object: Literal["session_message"]
    id: str
    turn: Count
    role: Literal["user", "assistant", "tool"]
    content: AnyJson
    calls: list[JsonObject]
    call_id: str | None
    job_id: JobIdText | None
    at: Instant


SessionList = page_of("SessionList", SessionReply)
SessionMessageList = page_of("SessionMessageList", SessionMessageReply)


def calls_bytes(asked: MessageRequest) -> bytes | None:
    """Write calls as they are kept: their arguments are JSON text, as models write them."""
    if asked.calls is None:
        return None
    return dumped(
        [
            {"id": call.id, "name": call.name, "arguments": json.dumps(call.arguments)}
            for call in asked.calls
        ]
    )


def session_text(seen: SessionSeen) -> str:
    waiting = ",".join(f'"{to_wire(job_id)}"' for job_id in seen.waiting)
    return (
        f'{{"object":"session","id":{text(seen.session_id)},"user_id":{text(seen.user_id or None)},'
        f'"messages":{seen.messages},"summary":{_summary(seen)},'
        f'"job_id":{"null" if seen.job_id is None else text(to_wire(seen.job_id))},'
        f'"waiting":[{waiting}],"created_at":{instant(seen.created_at)},'
        f'"used_at":{instant(seen.used_at)},'
        # A session with a job that has not ended does not end either.
        f'"expires_at":{"null" if seen.job_id or seen.waiting else instant(seen.expires_at)}}}'
    )


def message_text(seen: MessageSeen) -> str:
    job_id = None if seen.job_id is None else to_wire(seen.job_id)
    return (
        f'{{"object":"session_message","id":"msg_{seen.message_id.hex}","turn":{seen.turn},'
        f'"role":"{seen.role}","content":{raw(seen.content)},"calls":{_calls(seen)},'
        f'"call_id":{text(seen.call_id or None)},"job_id":{text(job_id)},"at":{instant(seen.at)}}}'
    )


def _calls(seen: MessageSeen) -> str:
    if seen.calls is None:
        return "[]"
    calls = [call | {"arguments": json.loads(call["arguments"])} for call in json.loads(seen.calls)]
    return dumped(calls).decode("ascii")


def _summary(seen: SessionSeen) -> str:
    if seen.summary is None:
        return "null"
    kept = json.loads(seen.summary)
    told = {"text": kept["summary"], "first_turn": kept["first"], "last_turn": kept["last"]}
    return dumped(told).decode("ascii")
