"""Scratch databases for proofs: made from one template, with a table that counts effects."""

from collections.abc import Sequence
from uuid import UUID

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.state.engine import Database, connect

_EFFECTS = """
create table if not exists proof_effects (subject text not null, key text not null);
create index if not exists proof_effects_subject_idx on proof_effects (subject)"""
_COUNT = "select count(*) from proof_effects where subject = %s"
_STATUSES = "select job_id, status from jobs where tenant_id = %s"
_DOUBTS = """
select effect_key from effects where tenant_id = %s and job_id = %s and state = 'in_doubt'"""
_EVER_DOUBTED = "select distinct job_id from journal where tenant_id = %s and type = 'in_doubt'"
_STATEMENT = "select pg_get_functiondef(%s::regproc)"


def add_counting_table(url: str) -> None:
    """What transactional tools do, they do here, in our own database."""
    with connect(url, name="agent_workers proof") as connection:
        connection.execute(_EFFECTS)


def copy_database(admin_url: str, template: str, name: str) -> None:
    """Make a database from another one, which nobody may be connected to."""
    with connect(admin_url, name="agent_workers proof") as connection:
        connection.execute(f'create database "{name}" template "{template}"'.encode())


def run_script(url: str, statements: Sequence[str]) -> None:
    """Change a scratch database, say to break the protocol there on purpose."""
    with connect(url, name="agent_workers proof") as connection:
        for statement in statements:
            connection.execute(statement.encode())


def run_outside(url: str, statements: Sequence[str]) -> None:
    """Run what an author of tools says of tables of their own: those are not in our schema."""
    run_script(url, ("set search_path = public", *statements))


def source_of(url: str, function: str) -> str:
    """Return the SQL that would make this function again."""
    with connect(url, name="agent_workers proof") as connection:
        row = connection.execute(_STATEMENT, (function,)).fetchone()
    assert row is not None
    return str(row[0])


class Proofs:
    def __init__(self, database: Database) -> None:
        self._database = database

    def written(self, subject: str) -> int:
        """How often a transactional tool's statement stands in the database."""
        with self._database.connection() as connection:
            row = connection.execute(_COUNT, (subject,)).fetchone()
        return int(row[0]) if row else 0

    def statuses(self, tenant_id: TenantId) -> dict[JobId, str]:
        with self._database.connection() as connection:
            rows = connection.execute(_STATUSES, (tenant_id,)).fetchall()
        return {JobId(job_id): status for job_id, status in rows}

    def doubts(self, tenant_id: TenantId, job_id: JobId) -> list[UUID]:
        """Return the effects of a job that are in doubt."""
        with self._database.connection() as connection:
            rows = connection.execute(_DOUBTS, (tenant_id, job_id)).fetchall()
        return [row[0] for row in rows]

    def ever_doubted(self, tenant_id: TenantId) -> set[JobId]:
        """Return the jobs that have been in doubt at any time."""
        with self._database.connection() as connection:
            rows = connection.execute(_EVER_DOUBTED, (tenant_id,)).fetchall()
        return {JobId(row[0]) for row in rows}
