"""Questions in SQL that want more than to read: each is refused, and nothing is changed."""

import json
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy.engine import make_url

from agent_workers.domain.errors import FacilityAway
from agent_workers.domain.outside.sql_source import Scalar, SqlBounds, SqlRefused, SqlRows
from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.foreign.cutting import cut_off_after
from agent_workers.state.foreign.sources import ReadOnlySources

ROLES = """
set search_path = public;
create role sql_reader login password 'x';
create role sql_writer login password 'x';
create role sql_climber login noinherit password 'x';
create role sql_files login password 'x';
grant sql_writer to sql_climber;
grant pg_read_server_files to sql_files;
create table goods (name text, price numeric, made timestamptz default '2026-01-02 03:04:05+00');
insert into goods (name, price) values ('tea', 2.50), ('coffee', 12345678901234567890.5);
create table secrets (word text);
create sequence counting;
create function taken() returns int language sql security definer
    as 'insert into goods (name) values (''stolen''); select 1';
grant select on goods to sql_reader, sql_writer, sql_files;
grant usage on sequence counting to sql_reader;
grant insert on goods to sql_writer;
"""


@pytest.fixture(scope="module")
def own(database_url: str) -> Iterator[Connection]:
    database = Database(database_url, pool_size=1, name="tests")
    with database.connection() as connection:
        connection.execute(ROLES)
        yield connection
        connection.execute("drop owned by sql_reader, sql_writer, sql_climber, sql_files")
        connection.execute("drop role sql_reader, sql_writer, sql_climber, sql_files")
    database.close()


@pytest.fixture(scope="module")
def sources(own: Connection, database_url: str) -> ReadOnlySources:
    assert own.execute("select count(*) from goods").fetchone() == (2,)
    url = make_url(database_url).set(drivername="postgresql")
    roles = ("reader", "writer", "climber", "files")
    urls = {
        role: url.set(username=f"sql_{role}", password="x").render_as_string(hide_password=False)
        for role in roles
    }
    told = make_url(urls["writer"]).update_query_dict({"may_write": "allowed"})
    return ReadOnlySources(
        urls
        | {
            "owner": url.render_as_string(hide_password=False),
            "told": told.render_as_string(hide_password=False),
            "bytes": make_url(urls["reader"])
            .update_query_dict({"client_encoding": "sql_ascii"})
            .render_as_string(hide_password=False),
            "nowhere": "postgresql://sql_reader@127.0.0.1:1/x",
        }
    )


def ask(
    sources: ReadOnlySources,
    sql: str,
    *parameters: Scalar,
    source: str = "reader",
    bounds: SqlBounds | None = None,
) -> SqlRows:
    return sources.query(source, sql, parameters, bounds or SqlBounds())


def test_rows_come_as_json_knows_them_and_no_digit_is_lost(sources: ReadOnlySources):
    found = ask(sources, "select name, price, made from goods where name <> $1 order by price", "x")
    assert found.columns == ("name", "price", "made")
    assert [row[:2] for row in found.rows] == [
        ("tea", 2.5),
        ("coffee", "12345678901234567890.5"),
    ]
    assert str(found.rows[0][2]).startswith("2026-01-02T")
    assert not found.truncated


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("select 1 as a, 2 as a", (1, 2)),
        ("table goods order by 1 limit 1;  ", None),
        ("values (true, null)", (True, None)),
        ("select 'NaN'::float8, 'a\nb', '\\x00ff'::bytea", ("NaN", "a\nb", "\\x00ff")),
        ("select 9007199254740993, '{\"a\": [1]}'::jsonb", ("9007199254740993", {"a": [1]})),
        ("select $$;$$ -- a remark", (";",)),
        ("with a as (select 1 as b) select b from a", (1,)),
        (
            "select '[1e400, 1e-99999999999999999999]'::json",
            (["1e400", "1e-99999999999999999999"],),
        ),
    ],
)
def test_all_that_only_reads_is_answered(
    sources: ReadOnlySources, sql: str, row: tuple[object, ...] | None
):
    found = ask(sources, sql)
    assert len(found.rows) == 1
    assert row is None or found.rows[0] == row
    json.dumps(found.rows, allow_nan=False)


def test_text_is_text_in_a_database_without_an_encoding(sources: ReadOnlySources):
    assert ask(sources, "select 'é'", source="bytes").rows == [("é",)]


def test_no_password_is_shown(sources: ReadOnlySources):
    assert ":x@" not in repr(sources)


@pytest.mark.parametrize(
    "sql",
    [
        "insert into goods (name) values ('stolen')",
        "with x as (insert into goods (name) values ('stolen') returning 1) select * from x",
        "select 1; insert into goods (name) values ('stolen')",
        "select 1; commit; insert into goods (name) values ('stolen')",
        "commit",
        "rollback",
        "set transaction read write",
        "select set_config('transaction_read_only', 'off', true), taken()",
        "select set_config('default_transaction_read_only', 'off', false), taken()",
        "select taken()",
        "select nextval('counting')",
        "select * from goods for update",
        "select 1 into thing",
        "create temp table t (a int)",
        "copy goods to stdout",
        "copy (select 1) to program 'touch /tmp/stolen'",
        "do $$ begin insert into goods (name) values ('stolen'); end $$",
        "set role sql_writer",
        "select word from secrets",
        "select pg_read_file('/etc/passwd')",
        "select lo_export(1, '/tmp/stolen')",
        "select 1) q(c0)) w; insert into goods (name) values ('stolen'); --",
        # As long as it stays in its parentheses, no row is longer than the server may send.
        "select 1) q(c0)) w union all select j from (select repeat('x', 300000) as j from (select 1",
        "select 1 /*",
        "select " + ",".join("1" * 1_700),
        "select set_config('client_encoding', 'latin1', false), 'é'",
        "select",
        "",
        "select $1",
        "nonsense",
    ],
)
def test_whatever_wants_more_is_refused_and_nothing_is_changed(
    sources: ReadOnlySources, own: Connection, sql: str
):
    with pytest.raises(SqlRefused):
        ask(sources, sql)
    assert own.execute("select count(*) from goods").fetchone() == (2,)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("owner", "superuser"),
        ("files", "pg_read_server_files"),
        ("writer", "may write .goods"),
        ("climber", "may write .goods"),
        ("other", "AGENT_SQL_SOURCES"),
    ],
)
def test_a_role_that_could_do_more_is_not_used(sources: ReadOnlySources, source: str, says: str):
    for _ in range(2):  # nor is it trusted the second time
        with pytest.raises(NotInstalled, match=says) as refused:
            ask(sources, "select 1", source=source)
        assert ":x@" not in str(refused.value)


def test_a_role_that_may_write_reads_when_that_is_allowed(sources: ReadOnlySources):
    assert ask(sources, "select 1", source="told").rows == [(1,)]
    with pytest.raises(SqlRefused, match="read-only"):
        ask(sources, "select taken()", source="told")


def test_a_database_that_is_away_may_be_back_later(sources: ReadOnlySources):
    with pytest.raises(FacilityAway, match="nowhere"):
        ask(sources, "select 1", source="nowhere")


def test_rows_are_bounded_in_number(sources: ReadOnlySources):
    found = ask(sources, "select generate_series(1, 100000000)", bounds=SqlBounds(rows=70))
    assert (len(found.rows), found.truncated) == (70, True)
    whole = ask(sources, "select generate_series(1, 70)", bounds=SqlBounds(rows=70))
    assert (len(whole.rows), whole.truncated) == (70, False)


def test_rows_are_bounded_in_size(sources: ReadOnlySources):
    sql = "select repeat('x', 1000) from generate_series(1, 1000)"
    found = ask(sources, sql, bounds=SqlBounds(rows=1_000, bytes=10_000))
    assert (len(found.rows), found.truncated) == (9, True)
    with pytest.raises(SqlRefused, match="more than 10000 bytes"):
        ask(sources, "select repeat('x', 2000000)", bounds=SqlBounds(bytes=10_000))


def test_a_bomb_of_brackets_is_refused(sources: ReadOnlySources):
    sql = "select (repeat('[', 5000) || repeat(']', 5000))::json"
    with pytest.raises(SqlRefused, match="nested"):
        ask(sources, sql)


def test_a_question_ends_in_time_even_if_it_asks_for_more(sources: ReadOnlySources):
    longer = "set_config('statement_timeout', '0', true)"
    at_once = f"select {longer}, pg_sleep(60) from goods"
    later = (
        f"select case i when 1 then {longer} end, case when i > 60 then pg_sleep(60) end"
        " from generate_series(1, 100) i"
    )
    for sql in (at_once, later):
        with pytest.raises(SqlRefused, match="took longer"):
            ask(sources, sql, bounds=SqlBounds(within=timedelta(seconds=0.3)))


@pytest.mark.usefixtures("own")
def test_a_server_that_froze_keeps_nobody_waiting(database_url: str):
    with (
        Database(database_url, name="tests").alone() as connection,
        cut_off_after(connection, timedelta(seconds=-4.8)),
        pytest.raises(psycopg.OperationalError),
    ):
        connection.execute("select set_config('statement_timeout', '0', false), pg_sleep(60)")
