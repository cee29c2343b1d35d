"""An event as CloudEvents 1.0 defines it, and the strict rules that make one from its members."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from agent_workers.domain.errors import AgentWorkersError

VERSION = "1.0"
LONGEST_TEXT = 1_024
MOST_MEMBERS = 64
_NAME = re.compile(r"[a-z0-9]{1,20}")
URI_FORM = r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
SCHEME_FORM = r"[A-Za-z][A-Za-z0-9+.-]*:"
MEDIA_FORM = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: *;[ -~]*)?"
BASE64_FORM = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_URI, _SCHEME, _MEDIA, _BASE64 = map(re.compile, (URI_FORM, SCHEME_FORM, MEDIA_FORM, BASE64_FORM))
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
# Control characters and what Unicode calls noncharacters or halves of one.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", re.UNICODE)
_INT32 = 2**31
_KNOWN = frozenset(
    "id source specversion type subject time datacontenttype dataschema data data_base64".split()
)


class EventRefused(AgentWorkersError):
    """This is no event that CloudEvents 1.0 allows; `pointer` says where."""

    code = "invalid_event"

    def __init__(self, message: str, *, pointer: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One event; `members` is all of it in its structured form, extensions included."""

    id: str
    source: str
    type: str
    members: Mapping[str, object]


def event_of(members: object) -> CloudEvent:
    """Make an event of the members of its structured form, or refuse it."""
    if not isinstance(members, dict):
        raise EventRefused("an event is an object")
    if members.get("specversion") != VERSION:
        raise EventRefused(f"specversion must be {VERSION!r}", pointer="/specversion")
    if len(members) > MOST_MEMBERS:
        raise EventRefused(f"an event has at most {MOST_MEMBERS} attributes")
    event = CloudEvent(
        id=_text(members, "id"),
        source=_uri(members, "source"),
        type=_text(members, "type"),
        members=members,
    )
    for name in ("subject", "time", "datacontenttype", "dataschema"):
        if members.get(name) is not None:
            _OPTIONAL[name](members, name)
    for name, value in members.items():
        if name not in _KNOWN:
            _check_extension(name, value)
    _check_data(members)
    return event


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise EventRefused(f"{name} must be a string that is not empty", pointer=f"/{name}")
    if len(value) > LONGEST_TEXT:
        raise EventRefused(f"{name} has at most {LONGEST_TEXT} characters", pointer=f"/{name}")
    if _UNPRINTABLE.search(value):
        raise EventRefused(f"{name} has a character that no attribute may have", pointer=f"/{name}")
    return value


def _uri(members: Mapping[str, object], name: str) -> str:
    value = _text(members, name)
    if not _URI.fullmatch(value):
        raise EventRefused(f"{name} must be a URI reference", pointer=f"/{name}")
    return value


def _check_schema(members: Mapping[str, object], name: str) -> None:
    if not _SCHEME.match(_uri(members, name)):
        raise EventRefused(f"{name} must be a URI with a scheme", pointer=f"/{name}")


def _check_time(members: Mapping[str, object], name: str) -> None:
    value = _text(members, name)
    try:
        exists = _TIME.fullmatch(value) and datetime.fromisoformat(value.upper())
    except ValueError:
        exists = None
    if not exists:
        raise EventRefused(f"{name} must be a time like 2030-01-31T12:00:00Z", pointer=f"/{name}")


def _check_media(members: Mapping[str, object], name: str) -> None:
    if not _MEDIA.fullmatch(_text(members, name)):
        raise EventRefused(f"{name} must be a media type", pointer=f"/{name}")


def _check_extension(name: object, value: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise EventRefused("an attribute has a name of 1 to 20 letters a to z and digits")
    match value:
        case None | bool():
            return
        case str():
            if len(value) <= LONGEST_TEXT and not _UNPRINTABLE.search(value):
                return
        case int() if -_INT32 <= value < _INT32:
            return
        case float() if value.is_integer() and -_INT32 <= value < _INT32:
            return  # to JSON 5.0 is an integer like 5
        case _:
            pass
    raise EventRefused(
        f"the attribute {name} must be a short string, a boolean or an integer of 32 bits",
        pointer=f"/{name}",
    )


def _check_data(members: Mapping[str, object]) -> None:
    if "data_base64" not in members:
        return
    if "data" in members:
        raise EventRefused("data and data_base64 exclude each other", pointer="/data_base64")
    encoded = members["data_base64"]
    if not isinstance(encoded, str) or not _BASE64.fullmatch(encoded):
        raise EventRefused("data_base64 must be Base64", pointer="/data_base64")


_OPTIONAL = {
    "subject": _text,
    "time": _check_time,
    "datacontenttype": _check_media,
    "dataschema": _check_schema,
}
