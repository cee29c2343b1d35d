"""Scratch databases for proofs: made from one template, with a table that counts effects."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.state.database.engine import Database, connect

_EFFECTS = """
create table if not exists proof_effects (subject text not null, key text not null);
create index if not exists proof_effects_subject_idx on proof_effects (subject)"""
_COUNT = "select count(*) from proof_effects where subject = %s"
_STATUSES = "select job_id, status from jobs where tenant_id = %s"
_DOUBTS = """
select effect_key from effects where tenant_id = %s and job_id = %s and state = 'in_doubt'"""
_EVER_DOUBTED = "select distinct job_id from journal where tenant_id = %s and type = 'in_doubt'"
_WATCHED = (
    """
create table proof_claims (tenant_id text, job_id uuid, position int, fence int, pid int,
                           at timestamptz default clock_timestamp())""",
    """
create function watch_claim() returns trigger language plpgsql as $$
begin
  insert into proof_claims (tenant_id, job_id, position, fence, pid)
  select new.tenant_id, new.job_id, new.position, new.fence, pid
    from workers where worker_id = new.claimed_by;
  return null;
end $$""",
    """
create trigger steps_watched_later after update on steps for each row
  when (new.status = 'claimed' and new.fence > old.fence) execute function watch_claim()""",
    """
create trigger steps_watched_at_once after insert on steps for each row
  when (new.status = 'claimed') execute function watch_claim()""",
)
_CLAIMS = """
select job_id, c.position, coalesce(pid, -1), extract(epoch from at)::float8,
       extract(epoch from coalesce(lead(at) over (partition by job_id, c.position order by c.fence),
                                   done_at, clock_timestamp()))::float8
  from proof_claims c join steps s using (tenant_id, job_id, position) where tenant_id = %s
   and (%s::text[] is null or tool = any(%s))"""
_START_DELAYS = """
select extract(epoch from coalesce(started_at, finished_at, clock_timestamp()) - created_at)::float8
  from jobs where tenant_id = %s"""
_PASSED_OVER = """
with begun as (select tenant_id, job_id, min(at) as at from proof_claims
                where position = 0 and tenant_id in (%(tenant)s, %(other)s) group by 1, 2)
select extract(epoch from j.created_at)::float8, extract(epoch from waited.until)::float8,
       (select count(*) from begun b where b.tenant_id = %(other)s and b.at > j.created_at
           and b.at < waited.until),
       (select count(*) from begun b where b.tenant_id = %(tenant)s and b.at > j.created_at
           and b.at < waited.until)
  from jobs j left join begun mine using (tenant_id, job_id),
       lateral (select coalesce(mine.at, j.finished_at, clock_timestamp()) as until) waited
 where j.tenant_id = %(tenant)s"""
_NO_SCHEDULES = "delete from schedules where tenant_id = %s"
_QUARANTINED = """
select job_id, position, deaths from steps where tenant_id = %s and status = 'quarantined'"""
_OF_CANCELED = """
select job_id, position, cls, e.state from jobs join effects e using (tenant_id, job_id)
 where tenant_id = %s and status = 'canceled'"""
_TOOL_STEPS = """
select convert_from(s.arguments, 'UTF8')::json->>'subject', s.tool, coalesce(s.outcome_type, ''),
       case when s.outcome_type = 'tool_failed'
            then convert_from(s.outcome, 'UTF8')::json->>'code' else '' end,
       exists (select from journal n where n.tenant_id = s.tenant_id and n.job_id = s.job_id
                  and n.type = 'in_doubt'
                  and (convert_from(n.data, 'UTF8')::json->>'position')::int = s.position)
  from steps s where s.tenant_id = %s and s.job_id = %s and s.kind = 'tool' order by position"""
_DOUBTED_SUBJECTS = """
select e.effect_key, convert_from(s.arguments, 'UTF8')::json->>'subject'
  from effects e join steps s using (tenant_id, job_id, position)
 where e.tenant_id = %s and e.job_id = %s and e.state = 'in_doubt'"""
_STATEMENT = "select pg_get_functiondef(%s::regproc)"


def add_counting_table(url: str) -> None:
    """What transactional tools do, they do here, in our own database."""
    with connect(url, name="agent_workers proof") as connection:
        connection.execute(_EFFECTS)


def watch_claims(url: str) -> None:
    """Let a scratch database remember who held which step, and when."""
    run_script(url, _WATCHED)


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


@dataclass(frozen=True, slots=True)
class PassedOver:
    """From when to when a job waited to begin; how many of another tenant began then, and of its own."""

    since: float
    until: float
    theirs: int
    own: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A step in the hands of a process, until the next one took it or it was done."""

    job_id: JobId
    position: int
    pid: int
    since: float
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStep:
    """A call of a tool that says upon which subject it acts, and what its step says of it."""

    subject: str
    tool: str
    # Empty: it has no outcome.
    type: str
    code: str
    doubted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """What a canceled job says of one of its effects."""

    position: int
    cls: str
    state: str


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

    def start_delays(self, tenant_id: TenantId) -> list[float]:
        """Return after how many seconds each job began, or ended without."""
        with self._database.connection() as connection:
            return [row[0] for row in connection.execute(_START_DELAYS, (tenant_id,)).fetchall()]

    def passed_over(self, tenant_id: TenantId, *, by: TenantId) -> list[PassedOver]:
        """Return, of each job that waited to begin, who began meanwhile."""
        values = {"tenant": tenant_id, "other": by}
        with self._database.connection() as connection:
            rows = connection.execute(_PASSED_OVER, values).fetchall()
        return [PassedOver(*row) for row in rows]

    def end_schedules(self, tenant_id: TenantId) -> None:
        with self._database.connection() as connection:
            connection.execute(_NO_SCHEDULES, (tenant_id,))

    def claims(self, tenant_id: TenantId, tools: Sequence[str] | None = None) -> list[Claim]:
        """Return who held which step (or call of these tools), as far as `watch_claims` saw it."""
        named = None if tools is None else list(tools)
        with self._database.connection() as connection:
            rows = connection.execute(_CLAIMS, (tenant_id, named, named)).fetchall()
        return [
            Claim(job_id=JobId(job_id), position=position, pid=pid, since=since, until=until)
            for job_id, position, pid, since, until in rows
        ]

    def quarantined(self, tenant_id: TenantId) -> dict[JobId, tuple[int, int]]:
        """Return the position and the deaths of every step in quarantine, by its job."""
        with self._database.connection() as connection:
            rows = connection.execute(_QUARANTINED, (tenant_id,)).fetchall()
        return {JobId(job_id): (position, deaths) for job_id, position, deaths in rows}

    def left_behind(self, tenant_id: TenantId) -> dict[JobId, list[LeftBehind]]:
        """Return what became of the effects of canceled jobs."""
        found: dict[JobId, list[LeftBehind]] = {}
        with self._database.connection() as connection:
            rows = connection.execute(_OF_CANCELED, (tenant_id,)).fetchall()
        for job_id, position, cls, state in rows:
            one = LeftBehind(position=position, cls=cls, state=state)
            found.setdefault(JobId(job_id), []).append(one)
        return found

    def tool_steps(self, tenant_id: TenantId, job_id: JobId) -> list[ToolStep]:
        with self._database.connection() as connection:
            rows = connection.execute(_TOOL_STEPS, (tenant_id, job_id)).fetchall()
        return [
            ToolStep(subject=subject, tool=tool, type=type_, code=code, doubted=doubted)
            for subject, tool, type_, code, doubted in rows
        ]

    def doubted_subjects(self, tenant_id: TenantId, job_id: JobId) -> list[tuple[UUID, str]]:
        """Return the effects of a job that are in doubt, with what they act upon."""
        with self._database.connection() as connection:
            rows = connection.execute(_DOUBTED_SUBJECTS, (tenant_id, job_id)).fetchall()
        return [(key, subject) for key, subject in rows]

    def ever_doubted(self, tenant_id: TenantId) -> set[JobId]:
        """Return the jobs that have been in doubt at any time."""
        with self._database.connection() as connection:
            rows = connection.execute(_EVER_DOUBTED, (tenant_id,)).fetchall()
        return {JobId(row[0]) for row in rows}
