"""Reads query strings and request headers: everything is text until it has been checked."""

import re
from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from api.http.asked import parsed_instant, validated
from api.http.shapes import Described, InstantText
from api.problems import invalid

_KEY = re.compile(r'[\x21\x23-\x7e]{1,255}|"[\x21\x23-\x7e]{1,255}"')
_WAIT = re.compile(r"(?:^|[,;])\s*wait=(\d{1,6})\s*(?:$|[,;])")
_NUMBER = re.compile(r"\d{1,9}")
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_METADATA = re.compile(r"metadata\[([^\[\]]{1,64})\]")
LONGEST_PREFER_S = 30
# Among the known names it stands for every `metadata[key]`.
METADATA = "metadata[]"


def _number(value: object) -> int:
    if not isinstance(value, str) or not _is_number(value):
        raise PydanticCustomError("value", "must be a whole number")
    return int(value)


def _instant(value: object) -> datetime:
    # A plus sign that was not escaped arrives as a space.
    at = parsed_instant(re.sub(r" (\d\d:\d\d)$", r"+\1", str(value)))
    if "T" not in str(value).upper():
        raise PydanticCustomError("value", "must be a time like 2030-01-31T12:00:00Z")
    return at


Number = Annotated[int, BeforeValidator(_number)]
InstantAsked = Annotated[datetime, BeforeValidator(_instant), Described(InstantText)]
# From `next_cursor` of the page before; it is signed, so no other is taken.
CursorText = Annotated[str, Field(json_schema_extra={"pattern": "^[A-Za-z0-9_-]{48}$"})]


class NoQuery(BaseModel):
    """A query: its values are text that is converted. This one has no members."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(NoQuery):
    """A page of a list whose cursors are signed."""

    limit: Annotated[Number, Field(ge=1, le=100)] = 20
    cursor: CursorText | None = None


class NamesQuery(NoQuery):
    """A page of a list in the order of its names."""

    after: Annotated[str, Field(description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[Number, Field(ge=1, le=1_000)] = 100


class NumbersQuery(NoQuery):
    """A page of a list in the order of its numbers."""

    after: Annotated[Number, Field(ge=0, le=999_999_999)] | None = None
    limit: Annotated[Number, Field(ge=1, le=1_000)] = 100


Query = TypeVar("Query", bound=NoQuery)


def query_of(request: Request, model: type[Query]) -> Query:
    """Return the query as a value, or end the request with the first mistakes in it."""
    if not request.scope["query_string"]:
        nothing: Query = _nothing_asked(model)
        return nothing
    known = [METADATA if name == "metadata" else name for name in model.model_fields]
    members: dict[str, object] = dict(checked_query(request, known))
    keyed = {
        match[1]: members.pop(name)
        for name in list(members)
        if (match := _METADATA.fullmatch(name))
    }
    if keyed:
        members["metadata"] = keyed
    return validated(model, members)


def no_query(request: Request) -> None:
    """End the request when it has a query: its route knows none."""
    query_of(request, NoQuery)


@cache
def _nothing_asked(model: type[Query]) -> Query:
    return validated(model, {})


def checked_query(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return the query's members; an unknown, doubled or unstorable one is a mistake."""
    members: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        plain = name in known and name != METADATA
        if not plain and not (METADATA in known and _METADATA.fullmatch(name)):
            raise invalid(
                f"{name[:100]!r} is not a parameter of this list", pointer=f"/{name[:100]}"
            )
        if name in members:
            raise invalid(f"{name[:100]!r} is given twice", pointer=f"/{name[:100]}")
        if "\0" in value or "\0" in name:
            raise invalid("text must not contain NUL", pointer="/" + name.replace("\0", ""))
        members[name] = value
    return members


def preferred_wait(request: Request) -> int | None:
    """Return the seconds of `Prefer: wait=N`, at most what we are willing to wait."""
    found = _WAIT.search(request.headers.get("prefer", ""))
    return min(int(found.group(1)), LONGEST_PREFER_S) if found else None


def idempotency_key_of(request: Request) -> str | None:
    """Return the key, quoted or bare; two headers or strange characters are a mistake."""
    values = request.headers.getlist("idempotency-key")
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise invalid("Idempotency-Key must be 1 to 255 visible ASCII characters")
    return values[0].strip('"')


def matches_etag(request: Request, version: int) -> bool:
    header = request.headers.get("if-none-match", "")
    return header.strip() == "*" or str(version) in _TAG.findall(header)


def _is_number(value: str) -> bool:
    return value.isascii() and _NUMBER.fullmatch(value) is not None
