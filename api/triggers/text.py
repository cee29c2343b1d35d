"""Events as they are described, and what became of them as JSON text."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from agent_workers.domain.ids import TRIGGER_ID, to_wire
from agent_workers.domain.triggers.event import (
    BASE64_FORM,
    LONGEST_TEXT,
    MEDIA_FORM,
    MOST_MEMBERS,
    SCHEME_FORM,
    URI_FORM,
)
from agent_workers.domain.triggers.message import MOST_EVENTS
from agent_workers.orchestration.triggers.intake import Receipt
from api.http.json_text import text
from api.http.shapes import AnyJson, Count, InstantText, JobIdText, TriggerId, page_of

_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]*$"


def _text(form: str = _PRINTABLE, *, least: int = 1) -> Any:  # noqa: ANN401 (a FieldInfo)
    return Field(min_length=least, max_length=LONGEST_TEXT, json_schema_extra={"pattern": form})


_Attribute = Annotated[str, _text()]
_Extension = Annotated[str, _text(least=0)] | bool | Annotated[int, Field(ge=-(2**31), lt=2**31)]


class CloudEvent(BaseModel):
    """An event as CloudEvents 1.0 has it; more attributes are its extensions."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "not": {"required": ["data", "data_base64"]},
            "maxProperties": MOST_MEMBERS,
            "propertyNames": {"pattern": "^([a-z0-9]{1,20}|data_base64)$"},
        },
    )
    __pydantic_extra__: dict[str, _Extension | None]

    specversion: Literal["1.0"]
    id: _Attribute
    source: Annotated[str, _text(f"^{URI_FORM}$")]
    type: _Attribute
    subject: _Attribute | None = None
    time: InstantText | None = None
    datacontenttype: Annotated[str, _text(f"^{MEDIA_FORM}$")] | None = None
    dataschema: Annotated[str, _text(f"^{SCHEME_FORM}{URI_FORM}$")] | None = None
    data: AnyJson = None
    data_base64: Annotated[str, Field(json_schema_extra={"pattern": f"^{BASE64_FORM}$"})] = ""


CloudEvents = Annotated[list[CloudEvent], Field(max_length=MOST_EVENTS)]


class StartedJobReply(TypedDict):
    """A job that an event started."""

    trigger_id: TriggerId
    trigger: str
    job_id: JobIdText
    replayed: bool


class EventMistakeReply(TypedDict):
    """A condition or a template that failed."""

    trigger: str
    detail: str


class EventReceiptReply(TypedDict):
    """What became of an event; `mistakes` are the first 100."""

    object: Literal["event_receipt"]
    id: str
    source: str
    type: str
    jobs: list[StartedJobReply]
    mistakes: list[EventMistakeReply]
    more_mistakes: Count


EventReceiptList = page_of("EventReceiptList", EventReceiptReply)


def receipt_text(receipt: Receipt) -> str:
    """Write what became of one event."""
    jobs = ",".join(
        f'{{"trigger_id":"{TRIGGER_ID.written(one.trigger.trigger_id)}",'
        f'"trigger":{text(one.trigger.name)},"job_id":"{to_wire(one.job_id)}",'
        f'"replayed":{json.dumps(one.replayed)}}}'
        for one in receipt.started
    )
    mistakes = ",".join(
        f'{{"trigger":{text(name)},"detail":{text(detail)}}}'
        for name, detail in receipt.mistakes.items()
    )
    event = receipt.event
    return (
        f'{{"object":"event_receipt","id":{text(event.id)},"source":{text(event.source)},'
        f'"type":{text(event.type)},"jobs":[{jobs}],"mistakes":[{mistakes}],'
        f'"more_mistakes":{receipt.more_mistakes}}}'
    )
