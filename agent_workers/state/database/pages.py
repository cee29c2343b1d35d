"""Pages of lists: as many rows as were asked for, or fewer, so that they hold few enough bytes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from psycopg import Column

from agent_workers.state.database.engine import Connection, Database

T = TypeVar("T")
# Any: a row of the columns that a query names.
Row = Sequence[Any]

# Postgres tells the length of these without reading what was stored outside of the row.
_LENGTHS = {
    "bytea": "octet_length({0})",
    "text": "octet_length({0})",
    "jsonb": "octet_length({0}::text)",
}
_OTHERS = "pg_column_size({0})"
# A row is left out when those before it fill the page; so the first one never is.
_PAGE = """
select {columns}, found_rows
  from (select {columns}, count(*) over () as found_rows,
               sum({bytes}) over (rows unbounded preceding) - ({bytes}) as bytes_before
          from ({query} limit %(limit)s + 1) as found ({columns})) as page
 where bytes_before < %(page_bytes)s limit %(limit)s"""
_NO_ROWS = "select * from ({query}) as found limit 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Rows of a list, and whether there are more behind them."""

    rows: Sequence[T]
    more: bool


def read_page(
    database: Database,
    query: str,
    arguments: Mapping[str, object],
    *,
    limit: int,
    seen: Callable[[Row], T],
) -> Page[T]:
    """Read the first rows of a query, at least one and no more than fit; it has an order, no limit."""
    given = {**arguments, "limit": limit, "page_bytes": database.page_bytes}
    with database.connection() as connection:
        statement = page_statement(database, connection, query, given)
        rows = connection.execute(statement, given, binary=True).fetchall()
    found_rows = rows[0][-1] if rows else 0
    return Page(rows=[seen(row[:-1]) for row in rows], more=found_rows > len(rows))


def page_statement(
    database: Database, connection: Connection, query: str, arguments: Mapping[str, object]
) -> bytes:
    """Return the statement for a page of this query; Postgres is asked once what columns it has."""
    known = database.page_statements.get(query)
    if known is None:
        found = connection.execute(_NO_ROWS.format(query=query).encode(), arguments)
        known = _statement(query, found.description or ())
        database.page_statements[query] = known
    return known


def _statement(query: str, columns: Sequence[Column]) -> bytes:
    names = [f"c{number}" for number in range(len(columns))]
    lengths = [
        f"coalesce({_LENGTHS.get(column.type_display, _OTHERS).format(name)}, 0)"
        for name, column in zip(names, columns, strict=True)
    ]
    parts = {"columns": ", ".join(names), "bytes": " + ".join(lengths)}
    return _PAGE.format(query=query, **parts).encode()
