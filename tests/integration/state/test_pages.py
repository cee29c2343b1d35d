"""A page has as many rows as are asked for, or fewer, so that it holds few enough bytes."""

from collections.abc import Iterator

import pytest

from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, Row, page_statement, read_page

_ROW = 1_000
_PAGE = 3_000
# What a column may be: each row is as long as the others, whatever it is made of.
_COLUMNS = {
    "text": f"repeat('x', {_ROW})",
    "bytea": f"convert_to(repeat('x', {_ROW}), 'UTF8')",
    "jsonb": f"to_jsonb(repeat('x', {_ROW}))",
    "an array": f"array(select gen_random_uuid() from generate_series(1, {_ROW} / 16))",
    "text of json": f"to_jsonb(repeat('x', {_ROW}))::text",
}
# Postgres stores this outside of the row, in pieces of this size.
_LARGE, _PIECE = 100_000, 1_996


@pytest.fixture(scope="module")
def narrow(database: Database) -> Iterator[Database]:
    opened = Database(database.url, pool_size=2, name="tests", page_bytes=_PAGE)
    yield opened
    opened.close()


def read(database: Database, query: str, *, limit: int = 100) -> Page[Row]:
    return read_page(database, query, {}, limit=limit, seen=list)


@pytest.mark.parametrize("column", _COLUMNS)
def test_a_page_ends_where_it_is_full(narrow: Database, column: str) -> None:
    made = f"select n, {_COLUMNS[column]}, null from generate_series(1, 9) n order by n desc"
    page = read(narrow, made)
    assert [row[0] for row in page.rows] in ([9, 8, 7], [9, 8, 7, 6])
    assert page.more


def test_a_page_has_no_more_rows_than_are_asked_for(narrow: Database) -> None:
    for limit, found, more in ((2, 2, True), (3, 3, False), (4, 3, False)):
        page = read(narrow, "select n from generate_series(1, 3) n order by n", limit=limit)
        assert (len(page.rows), page.more) == (found, more)


def test_a_row_that_is_larger_than_a_page_is_a_page(narrow: Database) -> None:
    large = f"select repeat('x', {9 * _PAGE}) from generate_series(1, 2)"
    page = read(narrow, large)
    assert (len(page.rows), page.more) == (1, True)
    assert read(narrow, "select 1 where false") == Page(rows=[], more=False)


def test_postgres_does_not_read_what_the_page_leaves_out(database: Database) -> None:
    query = "select number, content from large order by number"
    given = {"limit": 50, "page_bytes": 2 * _LARGE}
    with database.alone() as connection, connection.transaction():
        connection.execute("create temp table large (number int, content text) on commit drop")
        connection.execute("alter table large alter content set storage external")
        connection.execute(
            "insert into large select n, repeat('x', %s) from generate_series(1, 20) n", (_LARGE,)
        )
        statement = page_statement(database, connection, query, given)
        found = connection.execute(statement, given).fetchall()
        row = connection.execute(
            "select idx_tup_fetch from pg_stat_xact_all_tables where relid ="
            " (select reltoastrelid from pg_class where oid = 'large'::regclass)"
        ).fetchone()
    assert len(found) == 2
    assert row is not None
    pieces = 1 + _LARGE // _PIECE
    assert row[0] == len(found) * pieces


@pytest.mark.parametrize("kind", ["text", "jsonb"])
def test_what_is_stored_compressed_counts_as_it_is_sent(database: Database, kind: str) -> None:
    # In its own words: what a query returns is asked once.
    query = f"select content as {kind} from small order by number"
    given = {"limit": 50, "page_bytes": 2 * _LARGE}
    with database.alone() as connection, connection.transaction():
        connection.execute(f"create temp table small (number int, content {kind}) on commit drop")
        connection.execute(
            f"insert into small select n, to_jsonb(repeat('x', {_LARGE}))::text::{kind}"
            " from generate_series(1, 9) n"
        )
        statement = page_statement(database, connection, query, given)
        found = connection.execute(statement, given).fetchall()
    assert len(found) == 2
