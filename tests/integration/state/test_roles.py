"""What the roles of the database may do: each its own work, and nothing over the server."""

from collections.abc import Iterator, Mapping

import psycopg
import psycopg.errors
import pytest

from agent_workers.state.engine import Database, conninfo
from agent_workers.state.grants import Role, grant_in
from agent_workers.state.session_settings import SCHEMA
from agent_workers.state.sql_roles import powers_of
from tests.database import database, roles

__all__ = ["database"]

_KEY = "insert into api_keys (tenant_id, key_id, secret_hash) values ('acme', 'a', 'hash')"
_EVIDENCE = """
insert into evidence (tenant_id, effect_key, number, attempt, says, source)
values ('acme', gen_random_uuid(), 1, 1, 'happened', 'reply')"""
_PERMIT = "update permits set says = 'happened'"
_TABLES = "select format('%%I.%%I', schemaname, tablename) from pg_tables where schemaname = %s"
# Whose words the catalogue of privileges uses.
_MAY_WRITE = """
select has_table_privilege(%(table)s, 'insert, update, delete, truncate, trigger, references')
    or has_any_column_privilege(%(table)s, 'insert, update')"""


@pytest.fixture(scope="module")
def urls(database: Database) -> Mapping[Role, str]:
    return roles(database)


@pytest.fixture(params=list(Role))
def role(request: pytest.FixtureRequest, urls: Mapping[Role, str]) -> Iterator[psycopg.Connection]:
    with session(urls[request.param]) as connection:
        yield connection


def test_no_role_is_a_superuser_reads_files_or_runs_programs(role: psycopg.Connection) -> None:
    assert powers_of(role).over_the_server == ""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        role.execute("copy (select 1) to program 'true'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        role.execute("select pg_read_file('postgresql.conf')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        role.execute("create role another")


def test_whoever_only_reads_writes_nothing(urls: Mapping[Role, str]) -> None:
    with session(urls[Role.READER]) as reader:
        tables = [str(row[0]) for row in reader.execute(_TABLES, (SCHEMA,))]
        written = [
            t for t in tables if reader.execute(_MAY_WRITE, {"table": t}).fetchone() != (False,)
        ]
        assert (len(tables) > 30, written) == (True, [])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("create table agent_workers.mine ()")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(
                "select give_verdict('a', gen_random_uuid(), 'happened', '', '', '', '')"
            )
        reader.execute("select status from jobs")


@pytest.mark.parametrize(
    "secret",
    [
        "secret_hash from api_keys",
        "* from api_keys",
        "env from mcp_servers",
        "headers from mcp_servers",
        "url from webhook_endpoints",
        "url from webhook_deliveries",
    ],
)
def test_whoever_only_reads_sees_no_secret(urls: Mapping[Role, str], secret: str) -> None:
    with session(urls[Role.READER]) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(f"select {secret}".encode())


@pytest.mark.parametrize(
    ("who", "act"),
    [
        (Role.API, _EVIDENCE),
        (Role.API, _PERMIT),
        (Role.API, "delete from jobs"),
        (Role.API, "delete from journal"),
        (Role.API, "update workers set lost_at = now()"),
        (Role.API, "update agent_versions set definition = '{}'"),
        (Role.WORKER, _KEY),
        (Role.WORKER, "select from api_keys"),
        (Role.WORKER, "delete from evidence"),
        (Role.WORKER, "drop function record_step"),
        (Role.WORKER, "alter table jobs disable trigger all"),
        (Role.WORKER, "create table agent_workers.mine ()"),
    ],
)
def test_each_does_its_own_work_only(urls: Mapping[Role, str], who: Role, act: str) -> None:
    with session(urls[who]) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(act.encode())


def test_what_was_granted_beyond_the_table_is_taken_back(
    database: Database, urls: Mapping[Role, str]
) -> None:
    with database.connection() as connection:
        connection.execute(f"grant delete on jobs to {Role.READER}".encode())
    assert grant_in(urls[Role.OWNER]) == (Role.WORKER, Role.API, Role.READER)
    with session(urls[Role.READER]) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("delete from jobs")


def session(url: str) -> psycopg.Connection:
    options = f"-c search_path={SCHEMA},pg_temp"
    return psycopg.connect(conninfo(url), autocommit=True, options=options)
