"""Quotas of providers: how many requests and tokens a minute may be sent, and what room there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_workers.domain.errors import Misdeclared

_NAMES = ("requests_per_minute", "tokens_per_minute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a provider, or one of its models, takes in a minute; 0: no limit is known."""

    requests_per_minute: int = 0
    tokens_per_minute: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a quota says: whether the call is let in, and after how many seconds."""

    granted: bool
    wait_s: float = 0.0


# Any: JSON as an operator wrote it.
def read_quotas(written: Mapping[str, Any]) -> dict[str, Quota]:
    """Read `{"openai": {"requests_per_minute": 500}, "openai/gpt-5": {…}}`."""
    return {name: _quota(name, row) for name, row in written.items()}


def _quota(name: str, row: object) -> Quota:
    if not isinstance(row, dict) or not row or not row.keys() <= {*_NAMES}:
        raise Misdeclared(f"the quota of {name!r} must be an object with {' or '.join(_NAMES)}")
    for number in row.values():
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise Misdeclared(
                f"the quota of {name!r} must be a whole number of at least 1, not {number!r}"
            )
    return Quota(**row)
