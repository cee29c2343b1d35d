"""What the roles of the database may do: each its own work, and nothing over the server."""

from collections.abc import Iterator, Mapping

import psycopg
import psycopg.errors
import pytest

from agent_workers.cli.main import main
from agent_workers.state.access.grants import Role, grant_in
from agent_workers.state.database.engine import Database, conninfo
from agent_workers.state.database.session_settings import SCHEMA
from agent_workers.state.foreign.roles import powers_of
from tests.support.database import database, roles

__all__ = ["database"]

_KEY = "insert into api_keys (tenant_id, key_id, secret_hash) values ('acme', 'a', 'hash')"
_EVIDENCE = """
insert into evidence (tenant_id, effect_key, number, attempt, says, source)
values ('acme', gen_random_uuid(), 1, 1, 'happened', 'reply')"""
_PERMIT = "update permits set says = 'happened'"
_VERDICT = "select give_verdict('a', gen_random_uuid(), 'happened', '', '', '', '')"
# Quotas are counted with our rights: whoever may have it called for a table of its own counts anything.
_COUNT = """
create temp table mine (tenant_id text);
create trigger counts after insert on mine
  for each row execute function count_for_quota('schedules', 'come')"""
_SCHEDULE = """
insert into schedules (tenant_id, schedule_id, type, interval_s, target, next_fire_at)
values ('acme', gen_random_uuid(), 'interval', 60, '{}', now())"""
_RELATIONS = """
select relkind::text, relowner = %s::regrole from pg_class where relnamespace = %s::regnamespace"""
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
        reader.execute("select status from jobs")


@pytest.mark.parametrize(
    "secret",
    [
        "secret_hash from api_keys",
        "* from api_keys",
        "env from mcp_servers",
        "headers from mcp_servers",
        "callback_url from jobs",
        "options from batch_items",
        "template from batches",
        "target from schedules",
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
        (Role.API, _COUNT),
        (Role.WORKER, _COUNT),
        (Role.WORKER, _VERDICT),
        (Role.READER, _VERDICT),
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


@pytest.mark.parametrize("who", [Role.API, Role.WORKER])
def test_what_comes_is_counted_for_whoever_may_not_count(
    database: Database, urls: Mapping[Role, str], who: Role
) -> None:
    used = "select coalesce(sum(used), 0) from quotas where kind = 'schedules'"
    with session(urls[who]) as connection, database.connection() as ours:
        before = ours.execute(used).fetchone()
        connection.execute(_SCHEDULE)
        after = ours.execute(used).fetchone()
        assert before is not None
        assert after == (before[0] + 1,)


def test_the_api_takes_in_verdicts(urls: Mapping[Role, str]) -> None:
    with session(urls[Role.API]) as api, pytest.raises(psycopg.Error) as refused:
        api.execute(_VERDICT)
    assert refused.value.sqlstate == "AW006"  # it looked for the effect


@pytest.mark.usefixtures("urls")
def test_tables_that_a_superuser_made_are_the_owners_and_so_are_their_sequences(
    database: Database,
) -> None:
    with database.connection() as connection:
        found = set(connection.execute(_RELATIONS, (Role.OWNER, SCHEMA)).fetchall())
    assert {("r", True), ("S", True)} <= found
    assert {owned for _, owned in found} == {True}


def test_a_command_whose_role_may_not_says_so_in_one_line(
    urls: Mapping[Role, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENT_DATABASE_URL", urls[Role.WORKER])
    assert main(["quotas", "set", "schedules", "5", "--tenant", "acme"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert (
        "permission denied for table quotas: run it as the owner of the agent_workers tables"
        in line
    )
    monkeypatch.setenv("AGENT_DATABASE_URL", urls[Role.OWNER])
    assert main(["quotas", "set", "schedules", "5", "--tenant", "acme"]) == 0


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
