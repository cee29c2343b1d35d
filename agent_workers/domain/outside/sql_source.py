"""Databases that tools may read: a question in SQL, and rows of bounded size as JSON knows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from agent_workers.domain.errors import FacilityError
from agent_workers.domain.tools.facility import Facility

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlBounds:
    rows: int = 100
    bytes: int = 200_000
    within: timedelta = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlRows:
    """`truncated`: there are more rows than these."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    truncated: bool


class SqlRefused(FacilityError):
    """The question cannot be answered; the message helps whoever wrote it to write a better one."""

    code = "refused"


class SqlSources(Facility, Protocol):
    """The databases of this installation, by their names; nothing is ever written to them."""

    def query(
        self, source: str, sql: str, parameters: Sequence[Scalar], bounds: SqlBounds
    ) -> SqlRows: ...
