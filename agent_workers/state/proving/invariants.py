"""What must be true of every job at every moment, as queries that find where it is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from uuid import UUID

from agent_workers.state.database.engine import Database

_OPEN = "('ready', 'claimed', 'paused', 'in_doubt', 'quarantined')"
INVARIANTS = {
    "the counter of open steps is right": f"""
        select j.tenant_id, j.job_id from jobs j
         where j.open_steps <> (select count(*) from steps s where s.tenant_id = j.tenant_id
                                 and s.job_id = j.job_id and s.status in {_OPEN})""",
    "an ended job has no open step": f"""
        select j.tenant_id, j.job_id from jobs j join steps s using (tenant_id, job_id)
         where j.finished_at is not null and s.status in {_OPEN}""",
    "a live job has an open step": """
        select tenant_id, job_id from jobs where finished_at is null and open_steps = 0""",
    "positions have no gaps": """
        select tenant_id, job_id from jobs j
         where next_position <> (select count(*) from steps s where s.tenant_id = j.tenant_id
                                  and s.job_id = j.job_id)""",
    "the journal has no gaps": """
        select j.tenant_id, j.job_id from jobs j join journal n using (tenant_id, job_id)
         group by j.tenant_id, j.job_id
        having count(*) <> j.journal_number or max(n.number) <> j.journal_number""",
    "a job ends once in its journal": """
        select tenant_id, job_id from jobs j
         where (finished_at is not null)::int <>
               (select count(*) from journal n where n.tenant_id = j.tenant_id
                   and n.job_id = j.job_id and n.type in ('succeeded', 'failed', 'canceled'))""",
    # A verdict that has calls made (again, or the next of a plan, or a question) is given anew after
    # them. Read as text: an outcome may hold what Postgres takes for no JSON.
    "a round is evaluated once, and once more after each verdict that has calls made": """
        select tenant_id, job_id from steps where kind = 'evaluate'
         group by tenant_id, job_id, round
        having count(*) > 1 + count(*) filter (where status = 'done'
               and outcome_type = 'judged'
               and convert_from(outcome, 'UTF8') ~ '"verdict": ?"(ask|fail)"|"calls": ?\\[[^]]')""",
    "a job keeps the bytes that its journal tells of": """
        select j.tenant_id, j.job_id from jobs j
         where bytes <> (select coalesce(sum(n.bytes), 0) from journal n
                          where n.tenant_id = j.tenant_id and n.job_id = j.job_id)""",
    "every attempt raised the fence": """
        select tenant_id, job_id from steps where status = 'done' and fence <= tries + deaths""",
    "what is held is what claimed and waiting steps hold": """
        select tenant_id, job_id from jobs j
         where finished_at is null and held_micro <>
               (select coalesce(sum(case when status = 'claimed' then hold_micro + called_micro else 0 end
                                    + coalesce(w.held_micro, 0)), 0)
                  from steps s left join waits w using (tenant_id, job_id, position)
                 where s.tenant_id = j.tenant_id and s.job_id = j.job_id
                   and s.status not in ('done', 'canceled'))""",
    "a step starts one child": """
        select tenant_id, job_id from waits where child_id is not null
         group by tenant_id, job_id, child_id having count(*) > 1""",
    "nobody waits for a job that has ended": """
        select w.tenant_id, w.job_id from waits w
          join jobs c on c.tenant_id = w.tenant_id and c.job_id = w.child_id
         where w.answered_at is null and c.finished_at is not null""",
    "an effect without key happened under one permit": """
        select e.tenant_id, e.job_id from effects e join permits p using (tenant_id, effect_key)
         where e.cls <> 'keyed' and p.says = 'happened'
         group by e.tenant_id, e.job_id, e.effect_key having count(*) > 1""",
    "an effect that is done has its evidence": """
        select e.tenant_id, e.job_id from effects e
         where e.state = 'done' and not exists (
               select from evidence v where v.tenant_id = e.tenant_id
                  and v.effect_key = e.effect_key and v.says = 'happened')""",
    "a finished job leaves no effect open": """
        select e.tenant_id, e.job_id from effects e join jobs j using (tenant_id, job_id)
          join permits p using (tenant_id, effect_key)
         where j.finished_at is not null and e.state = 'intended'
           and (p.says is null or p.says = 'unknown')""",
    "an item of a batch runs while its job does": """
        select i.tenant_id, i.job_id from batch_items i join jobs j using (tenant_id, job_id)
         where (i.status = 'running') <> (j.finished_at is null)""",
    "an item becomes one job": """
        select tenant_id, batch_id from jobs where batch_id is not null
         group by tenant_id, batch_id, batch_number having count(*) > 1""",
    "a batch keeps to its concurrency": """
        select b.tenant_id, b.batch_id from batches b
         where b.concurrency < (select count(*) from batch_items i
                 where i.tenant_id = b.tenant_id and i.batch_id = b.batch_id
                   and i.status = 'running')""",
    "an ended batch has no item left": """
        select tenant_id, batch_id from batches b join batch_items i using (tenant_id, batch_id)
         where b.finished_at is not null and i.status in ('pending', 'running')""",
    "a turn is over when its job has ended": """
        select t.tenant_id, t.job_id from session_turns t join jobs j using (tenant_id, job_id)
         where (t.state = 'over') <> (j.finished_at is not null)""",
    "a job whose turn has not come has not begun": """
        select t.tenant_id, t.job_id from session_turns t join jobs j using (tenant_id, job_id)
         where t.state = 'waiting' and j.started_at is not null""",
    "a session in which a job waits has one whose turn it is, or is looked after at once": """
        select t.tenant_id, t.job_id from session_turns t
          join sessions s using (tenant_id, session_id)
         where t.state = 'waiting' and s.look_at > clock_timestamp()
           and not exists (select from session_turns n where n.tenant_id = t.tenant_id
                              and n.session_id = t.session_id and n.state = 'now')""",
    "a keeper looks at every stuck turn, and again when somebody waits behind it": """
        select t.tenant_id, t.job_id from session_turns t join jobs j using (tenant_id, job_id)
          join sessions s on s.tenant_id = t.tenant_id and s.session_id = t.session_id
          left join timers w on w.tenant_id = t.tenant_id and w.job_id = t.job_id
                            and w.kind = 'stuck'
         where t.state = 'now' and j.status in ('in_doubt', 'quarantined')
           and (w.due_at is null or (
                w.due_at = 'infinity' and t.stuck_at is null and s.look_at > clock_timestamp()
                and exists (select from session_turns n where n.tenant_id = t.tenant_id
                               and n.session_id = t.session_id and n.state = 'waiting')))""",
    "a turn that was skipped had come, and its job says so": """
        select t.tenant_id, t.job_id from session_turns t join jobs j using (tenant_id, job_id)
         where t.state = 'skipped' and (j.started_at is null or not exists (
               select from journal n where n.tenant_id = t.tenant_id and n.job_id = t.job_id
                  and n.type = 'turn_skipped'))""",
    "a workspace counts its files": """
        select w.tenant_id, w.job_id from workspaces w
         where (w.files, w.bytes) <> (select count(*), coalesce(sum(f.bytes), 0)
                  from workspace_files f where f.tenant_id = w.tenant_id and f.job_id = w.job_id)""",
    "evidence contradicts nothing": """
        select e.tenant_id, e.job_id from effects e join evidence v using (tenant_id, effect_key)
         where v.contradicts""",
    "every doubt has a reason": """
        select tenant_id, job_id from effects
         where state = 'in_doubt' and (coalesce(doubt_reason, '') = '' or doubted_at is null)""",
    # A retried job takes the effects of its root along: its journal may be the one of another job.
    "every doubt is told in a journal": """
        select e.tenant_id, e.job_id from effects e
         where e.state = 'in_doubt' and not exists (
               select from jobs j join journal n using (tenant_id, job_id)
                where j.tenant_id = e.tenant_id and j.root_id = e.root_id
                  and n.type = 'in_doubt' and n.at >= e.doubted_at - interval '1 second')""",
    "a step in doubt has an effect in doubt": """
        select s.tenant_id, s.job_id from steps s
         where s.status = 'in_doubt' and not exists (
               select from effects e where e.tenant_id = s.tenant_id and e.job_id = s.job_id
                  and e.position = s.position and e.state = 'in_doubt')""",
    "a call fails for good only when none of its permits is open": """
        select s.tenant_id, s.job_id from steps s
          join effects e using (tenant_id, job_id, position)
          join permits p using (tenant_id, effect_key)
         where s.outcome_type = 'tool_failed' and e.state in ('intended', 'in_doubt')
           and (p.says is null or p.says = 'unknown')""",
    "a call happens under one key": """
        select s.tenant_id, s.job_id from steps s
          join effects e using (tenant_id, job_id, position)
         where s.call_id <> '' and exists (
               select from permits p where p.tenant_id = e.tenant_id
                  and p.effect_key = e.effect_key
                  and (p.says is null or p.says in ('happened', 'unknown')))
         group by s.tenant_id, s.job_id, s.round, s.tool, s.call_id
        having count(distinct e.effect_key) > 1""",
}
# So many jobs are named for each invariant that does not hold, and so many are told to a person.
_NAMED, _TOLD = 100, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A job of which one of the invariants is not true."""

    invariant: str
    tenant_id: str
    job_id: UUID


def violations(database: Database) -> list[Violation]:
    """Ask for all invariants at once, in one snapshot and one round trip."""
    with database.connection() as connection:
        rows = connection.execute(_everything(INVARIANTS).encode(), list(INVARIANTS)).fetchall()
    return [Violation(invariant=said, tenant_id=tenant, job_id=job) for said, tenant, job in rows]


def broken(database: Database) -> list[str]:
    """Name every invariant that does not hold, with the first jobs that break it."""
    return told(violations(database))


def told(found: list[Violation]) -> list[str]:
    """Say one sentence for each invariant that does not hold."""
    return [
        f"not true that {said}: "
        + ", ".join(f"{one.job_id.hex} of {one.tenant_id}" for one in islice(those, _TOLD))
        for said, those in groupby(found, key=lambda one: one.invariant)
    ]


def _everything(queries: Mapping[str, str]) -> str:
    """One statement whose rows begin with the name of the invariant that they break."""
    return " union all ".join(
        f"(select %s, q{n}.* from ({query} limit {_NAMED}) as q{n} (tenant_id, job_id))"
        for n, query in enumerate(queries.values())
    )
