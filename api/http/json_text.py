"""JSON as text, spliced: payloads are put in as they were stored, never parsed again."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

_MICRO = 1_000_000
quoted = json.JSONEncoder(ensure_ascii=True).encode


def instant(at: datetime | None) -> str:
    """Write an instant as a JSON value, in UTC."""
    return "null" if at is None else f'"{rfc3339(at)}"'


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def text(value: str | None) -> str:
    return "null" if value is None else quoted(value)


def raw(value: bytes | None) -> str:
    """Put in stored JSON as it is; nothing was stored where no bytes are."""
    return value.decode("utf-8") if value else "null"


def dumped(value: Any) -> bytes:  # noqa: ANN401 (any JSON value)
    return quoted(value).encode("ascii")


def usd(micro: int) -> str:
    return f"{micro // _MICRO}.{micro % _MICRO:06d}"


def list_bytes(items: Sequence[str], *, next_cursor: str | None) -> bytes:
    """Write a page of things that are JSON already."""
    more = "false" if next_cursor is None else "true"
    joined = ",".join(items)
    page = f'{{"object":"list","data":[{joined}],"has_more":{more},"next_cursor":'
    return (page + text(next_cursor) + "}").encode("utf-8")
