"""What an operator asks of the database: how it is set, who works, and what waits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_workers.domain.effect import EffectClass
from agent_workers.state.database.engine import Connection, Database

_SERVER = """
select current_setting('server_version_num')::int, current_setting('server_version'),
       current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on',
       current_setting('max_connections')::int"""
# A worker lives while its session holds its lock, which pg_locks shows in two halves.
_WORKERS = """
select count(*), coalesce(string_agg(lanes, ','), '') from workers
 where exists (select 1 from pg_locks
                where locktype = 'advisory' and objsubid = 1 and granted
                  and database = (select oid from pg_database where datname = current_database())
                  and (classid::bigint << 32) | objid::bigint = lock_key)"""
_WAITING = """
select coalesce(max(extract(epoch from clock_timestamp() - due_at)), 0)::float8,
       count(*), coalesce(string_agg(distinct lane, ','), '')
  from steps where status = 'ready' and due_at <= clock_timestamp()"""
# What agents that take jobs need: all of them plan and evaluate. And whatever waits at present.
_NEEDED = """
with taking as (
  select v.definition from agent_versions v join agents a using (tenant_id, name, version)
   where a.retired_at is null)
select lane from taking, unnest(array['plan', 'evaluate']) lane
union
select case when t.definition->>'effect' = any(%s) then 'effect' else 'tool' end
  from taking, jsonb_array_elements(taking.definition->'tools') used
  join tools t on t.name = used->>'name'
union
select lane from steps where status = 'ready' and due_at <= clock_timestamp()"""
# Which agent or tool no worker has, and how many jobs wait for it. A worker looks at them now and then:
# a wait that has run out still holds while its step is due.
_LACKING = """
select w.key, count(distinct (w.tenant_id, w.job_id))
  from waits w join steps s using (tenant_id, job_id, position)
 where w.kind = 'worker' and w.answered_at is null and s.status = 'ready'
   and (w.expires_at > clock_timestamp() or s.due_at <= clock_timestamp())
 group by w.key order by 2 desc, w.key limit 20"""
_PARKED = """
select (select count(*) from effects where state = 'in_doubt'),
       (select count(*) from steps where status = 'quarantined'),
       (select count(*) from waits w join jobs j using (tenant_id, job_id)
         where w.kind = 'person' and w.answered_at is null and j.finished_at is null
           and (w.expires_at is null or w.expires_at > clock_timestamp()))"""
# Those of receivers that fail or asked for a pause are late for a reason.
_WEBHOOKS = """
select count(*), coalesce(max(extract(epoch from clock_timestamp() - due_at)), 0)::float8
  from webhook_deliveries d
 where status = 'pending' and due_at <= clock_timestamp()
   and not exists (select from webhook_targets t where t.tenant_id = d.tenant_id
                      and t.target_id = d.target_id and t.failures > 0)"""
_SCHEDULES = """
select count(*), coalesce(max(extract(epoch from clock_timestamp() - next_fire_at)), 0)::float8
  from schedules where status = 'active' and next_fire_at <= clock_timestamp()"""
_EVENTS = """
select (select count(*) from dead_letters where state = 'dead'),
       (select coalesce(max(extract(epoch from clock_timestamp() - next.at)), 0)::float8
          from relays r, lateral (select at from journal where xact > r.told_xact
                                   order by xact limit 1) next)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSeen:
    """How the Postgres server is set, as our own connections see it."""

    version: int
    version_text: str
    fsync: bool
    full_page_writes: bool
    max_connections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSeen:
    """Who works, and what waits for whom."""

    workers: int
    lanes: frozenset[str]
    oldest_due_s: float
    due: int
    due_lanes: str
    doubts: int
    quarantined: int
    questions: int
    # Those of agents that take jobs, and of steps that are due.
    needed: frozenset[str] = frozenset()
    # By what no worker has, as `agent:NAME` or `tool:NAME`: how many jobs wait for it.
    lacking: Mapping[str, int] = field(default_factory=dict)


class Diagnosis:
    def __init__(self, database: Database) -> None:
        self._database = database

    def server(self) -> ServerSeen:
        with self._database.connection() as connection:
            row = connection.execute(_SERVER).fetchone()
        assert row is not None
        version, text, fsync, pages, connections = row
        return ServerSeen(
            version=version,
            version_text=text,
            fsync=fsync,
            full_page_writes=pages,
            max_connections=connections,
        )

    def work(self) -> WorkSeen:
        timed = [effect for effect in EffectClass if effect.ended_by_kernel]
        with self._database.connection() as connection:
            workers, lanes = _row(connection, _WORKERS)
            oldest, due, due_lanes = _row(connection, _WAITING)
            doubts, quarantined, questions = _row(connection, _PARKED)
            needed = connection.execute(_NEEDED, (timed,)).fetchall()
            lacking = dict(connection.execute(_LACKING).fetchall())
        return WorkSeen(
            workers=int(str(workers)),
            lanes=frozenset(str(lanes).split(",")) - {""},
            oldest_due_s=float(str(oldest)),
            due=int(str(due)),
            due_lanes=str(due_lanes),
            doubts=int(str(doubts)),
            quarantined=int(str(quarantined)),
            questions=int(str(questions)),
            needed=frozenset(lane for (lane,) in needed),
            lacking=lacking,
        )

    def webhooks(self) -> tuple[int, float]:
        """Say how many webhooks are due, and for how many seconds the oldest one is."""
        with self._database.connection() as connection:
            due, oldest = _row(connection, _WEBHOOKS)
        return int(str(due)), float(str(oldest))

    def schedules(self) -> tuple[int, float]:
        """Say how many schedules are due, and for how many seconds the oldest one is."""
        with self._database.connection() as connection:
            due, oldest = _row(connection, _SCHEDULES)
        return int(str(due)), float(str(oldest))

    def events(self) -> tuple[int, float]:
        """Say how many messages are dead letters, and how many seconds the last relay is behind."""
        with self._database.connection() as connection:
            dead, behind = _row(connection, _EVENTS)
        return int(str(dead)), float(str(behind))


def _row(connection: Connection, sql: str) -> tuple[object, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row
