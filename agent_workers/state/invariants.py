"""What must be true of every job at every moment, as queries that find where it is not."""

from agent_workers.state.engine import Database

_OPEN = "('ready', 'claimed', 'paused', 'in_doubt', 'quarantined')"
_INVARIANTS = {
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
    # A verdict that has calls made (again, or the next of a plan, or a question) is given anew after them.
    "a round is evaluated once, and once more after each verdict that has calls made": """
        select tenant_id, job_id from steps where kind = 'evaluate'
         group by tenant_id, job_id, round
        having count(*) > 1 + count(*) filter (where status = 'done'
               and outcome_type = 'judged'
               and (convert_from(outcome, 'UTF8')::json ->> 'verdict' = 'ask'
                    or json_array_length(convert_from(outcome, 'UTF8')::json -> 'calls') > 0))""",
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
    "a workspace counts its files": """
        select w.tenant_id, w.job_id from workspaces w
         where (w.files, w.bytes) <> (select count(*), coalesce(sum(f.bytes), 0)
                  from workspace_files f where f.tenant_id = w.tenant_id and f.job_id = w.job_id)""",
    "evidence contradicts nothing": """
        select e.tenant_id, e.job_id from effects e join evidence v using (tenant_id, effect_key)
         where v.contradicts""",
}


def broken(database: Database) -> list[str]:
    """Name every invariant that does not hold, with the first jobs that break it."""
    found = []
    with database.connection() as connection:
        for said, query in _INVARIANTS.items():
            rows = connection.execute(query.encode() + b" limit 3").fetchall()
            if rows:
                jobs = ", ".join(f"{job_id.hex} of {tenant}" for tenant, job_id in rows)
                found.append(f"not true that {said}: {jobs}")
    return found
