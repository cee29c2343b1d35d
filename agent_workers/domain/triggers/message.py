"""A message that may carry events: structured, binary or batch mode of CloudEvents 1.0."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from agent_workers.domain.triggers.event import CloudEvent, EventRefused, event_of

ONE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MOST_EVENTS = 1_000
# HTTP and Kafka say `ce-` and `ce_`, AMQP says `cloudEvents:` and `cloudEvents_`.
PREFIXES = ("ce-", "ce_", "cloudevents:", "cloudevents_")
Parse = Callable[[bytes], object]


class NotAnEvent(EventRefused):
    """Neither the content type nor any attribute says that this is an event."""

    code = "unsupported_media_type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What arrived, as it arrived; headers of other names than attributes' are of no meaning."""

    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def media(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def attributes(self) -> dict[str, str]:
        """Attributes in headers, by their plain names."""
        found = {}
        for name, value in self.headers.items():
            for prefix in PREFIXES:
                if name.lower().startswith(prefix):
                    found[name[len(prefix) :].lower()] = value
        return found


def events_of(message: Message, parse: Parse, *, plain_json: bool = False) -> list[CloudEvent]:
    """Return the events of a message; `plain_json` takes a structured one of that type too."""
    match message.media:
        case str(media) if media == ONE:
            return [event_of(parse(message.body))]
        case str(media) if media == BATCH:
            return _batch(parse(message.body))
        case _ if "specversion" in message.attributes:
            return [event_of(_binary(message, parse))]
        case "application/json" if plain_json:
            return [event_of(parse(message.body))]
        case _:
            raise NotAnEvent(f"send {ONE}, {BATCH}, or attributes as headers: ce-specversion, …")


def _batch(members: object) -> list[CloudEvent]:
    if not isinstance(members, list):
        raise EventRefused("a batch is an array of events")
    if len(members) > MOST_EVENTS:
        raise EventRefused(f"a batch has at most {MOST_EVENTS} events")
    events = []
    for index, one in enumerate(members):
        try:
            events.append(event_of(one))
        except EventRefused as error:
            raise EventRefused(str(error), pointer=f"/{index}{error.pointer}") from None
    return events


def _binary(message: Message, parse: Parse) -> dict[str, object]:
    members: dict[str, object] = {
        name: _decoded(name, value) for name, value in message.attributes.items()
    }
    for name in ("data", "data_base64"):
        if name in members:
            raise EventRefused(
                f"in binary mode the body is the data: leave out {name}", pointer=f"/{name}"
            )
    if message.content_type:
        members["datacontenttype"] = message.content_type
    if message.body:
        members |= _data(message, parse)
    return members


def _data(message: Message, parse: Parse) -> dict[str, object]:
    media = message.media
    if media == "application/json" or media.endswith("+json"):
        return {"data": parse(message.body)}
    if media.startswith("text/"):
        try:
            return {"data": message.body.decode("utf-8")}
        except UnicodeDecodeError:
            pass
    return {"data_base64": base64.b64encode(message.body).decode("ascii")}


def _decoded(name: str, value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise EventRefused(f"{name} is not percent-encoded UTF-8", pointer=f"/{name}") from None
