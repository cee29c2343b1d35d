"""Reads query strings and request headers: everything is text until it has been checked."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pydantic_core import PydanticCustomError
from starlette.requests import Request

from agent_workers.domain.ids import JobId, from_wire
from api.http.asked import parsed_instant
from api.problems import Problem, invalid

_KEY = re.compile(r'[\x21\x23-\x7e]{1,255}|"[\x21\x23-\x7e]{1,255}"')
_WAIT = re.compile(r"(?:^|[,;])\s*wait=(\d{1,6})\s*(?:$|[,;])")
_NUMBER = re.compile(r"\d{1,9}")
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_METADATA = re.compile(r"metadata\[([^\[\]]{1,64})\]")
LONGEST_PREFER_S = 30
# Among the known names it stands for every `metadata[key]`.
METADATA = "metadata[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesAsked:
    """A page of what is listed in the order of its names: so many, behind this one."""

    limit: int
    after: str | None


def names_asked(request: Request) -> NamesAsked:
    members = checked_query(request, ("after", "limit"))
    limit = whole_number(members, "limit", least=1, most=1_000, default=100)
    return NamesAsked(limit=limit, after=members.get("after"))


def job_id_of(request: Request) -> JobId:
    job_id = from_wire(request.path_params["job_id"])
    if job_id is None:
        raise Problem(code="job_not_found", detail="There is no such job.")
    return job_id


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


def metadata_of(members: dict[str, str]) -> dict[str, str] | None:
    """Return the `metadata[k]=v` filters."""
    found = {}
    for name, value in members.items():
        match = _METADATA.fullmatch(name)
        if match:
            found[match.group(1)] = value
    return found or None


def whole_number(members: dict[str, str], name: str, *, least: int, most: int, default: int) -> int:
    value = members.get(name)
    if value is None:
        return default
    if not _is_number(value):
        raise invalid(f"{name} must be a whole number", pointer=f"/{name}")
    if not least <= int(value) <= most:
        raise invalid(f"{name} must be {least} to {most}", pointer=f"/{name}")
    return int(value)


def instant_of(members: dict[str, str], name: str) -> datetime | None:
    value = members.get(name)
    if value is None:
        return None
    try:
        # A plus sign that was not escaped arrives as a space.
        at = parsed_instant(re.sub(r" (\d\d:\d\d)$", r"+\1", value))
    except PydanticCustomError:
        at = None
    if at is None or "T" not in value.upper():
        raise invalid(f"{name} must be a time like 2030-01-31T12:00:00Z", pointer=f"/{name}")
    return at


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
