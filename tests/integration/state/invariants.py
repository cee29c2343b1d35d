"""What must be true of every job at any time, as SQL that finds the jobs of which it is not."""

import re

from agent_workers.state.database.engine import Database
from agent_workers.state.proving.invariants import INVARIANTS as PROVEN

_OPEN = "('ready','claimed','paused','in_doubt','quarantined')"
_ENDED = "('succeeded','failed','canceled')"
_SESSIONS = re.compile(r"turn|a session in which")
# Those of sessions are the proof's own.
INVARIANTS = {
    "open_steps counts the open steps": f"""
        select j.job_id, j.status, j.open_steps, s.n from jobs j, lateral (
          select count(*) filter (where status in {_OPEN}) as n from steps
           where tenant_id = j.tenant_id and job_id = j.job_id) s
         where j.open_steps <> s.n""",
    "a live job has an open step, an ended one has none": f"""
        select job_id, status, open_steps from jobs
         where (status in {_ENDED}) <> (open_steps = 0)""",
    "the numbers of a journal have no gap": """
        select j.job_id, j.journal_number, n.n, n.top from jobs j, lateral (
          select count(*) as n, max(number) as top from journal
           where tenant_id = j.tenant_id and job_id = j.job_id) n
         where n.n <> j.journal_number or n.top <> j.journal_number""",
    "positions have no gap": """
        select j.job_id, j.next_position, n.n from jobs j, lateral (
          select count(*) as n from steps
           where tenant_id = j.tenant_id and job_id = j.job_id) n
         where n.n <> j.next_position""",
    "an ended job holds nothing and has no timer": f"""
        select job_id, status, held_micro from jobs where status in {_ENDED}
           and (held_micro <> 0 or exists (select from timers t
                 where t.tenant_id = jobs.tenant_id and t.job_id = jobs.job_id
                   and t.kind in ('deadline', 'stuck')))""",
    "what a job holds is what its claimed and its waiting steps hold": """
        select j.job_id, j.held_micro, n.held from jobs j, lateral (
          select coalesce(sum(case when status = 'claimed' then hold_micro + called_micro else 0 end
                              + coalesce(w.held_micro, 0)), 0) as held
            from steps s left join waits w using (tenant_id, job_id, position)
           where s.tenant_id = j.tenant_id and s.job_id = j.job_id
             and s.status not in ('done', 'canceled')) n
         where j.finished_at is null and j.status <> 'canceling' and n.held <> j.held_micro""",
    "reservations are settled exactly when their job has ended": """
        select j.job_id, j.status, r.settled_at, r.spent_micro, j.spent_micro
          from reservations r join jobs j using (tenant_id, job_id)
         where (r.settled_at is null) <> (j.finished_at is null)
            or (r.settled_at is not null and r.spent_micro <> j.spent_micro)""",
    "a budget's sums are those of its reservations": """
        select b.tenant_id, b.reserved_micro, b.spent_micro, n.reserved, n.spent
          from budgets b, lateral (
          select coalesce(sum(amount_micro) filter (where settled_at is null), 0) as reserved,
                 coalesce(sum(spent_micro), 0) as spent,
                 coalesce(sum(greatest(0, spent_micro - amount_micro)), 0) as overrun
            from reservations
           where tenant_id = b.tenant_id and budget_id = b.budget_id) n
         where (b.reserved_micro, b.spent_micro, b.overrun_micro)
               <> (n.reserved, n.spent, n.overrun)""",
    "nothing is lost: a live job has a step that somebody will come for": """
        select job_id, status from jobs where status in ('queued','running','waiting')
           and not exists (select from steps s where s.tenant_id = jobs.tenant_id
                 and s.job_id = jobs.job_id and s.status in ('ready','claimed'))""",
    "a job in doubt or in quarantine has a step that is": """
        select job_id, status from jobs where status in ('in_doubt','quarantined')
           and not exists (select from steps s where s.tenant_id = jobs.tenant_id
                 and s.job_id = jobs.job_id and s.status = jobs.status)""",
    "a job that is being stopped waits for a step, or for what an effect of it did": """
        select job_id from jobs where status = 'canceling' and not exists (
          select from steps s where s.tenant_id = jobs.tenant_id and s.job_id = jobs.job_id
             and s.status in ('claimed', 'ready'))""",
    "the jobs of a session ran one after another, in their order": """
        select * from (
          select t.session_id, t.turn, j.started_at,
                 max(j.finished_at) over (partition by t.tenant_id, t.session_id order by t.turn
                                          rows between unbounded preceding and 1 preceding) as ended
            from session_turns t join jobs j using (tenant_id, job_id)
           where j.started_at is not null and not exists (
                 select from journal n where n.tenant_id = j.tenant_id and n.job_id = j.job_id
                    and n.type = 'turn_skipped')) o
         where started_at < ended""",
    "an answer stands beside what it answers": """
        select m.session_id, m.turn from session_messages m where m.part = 1 and not exists (
          select from session_messages a where a.tenant_id = m.tenant_id
             and a.session_id = m.session_id and a.turn = m.turn and a.part = 0)""",
    "a paused job has no ready step but for an exhausted allowance": """
        select job_id from jobs where status = 'paused' and status_detail <> 'budget'
           and exists (select from steps s where s.tenant_id = jobs.tenant_id
                 and s.job_id = jobs.job_id and s.status = 'ready')""",
} | {name: sql for name, sql in PROVEN.items() if _SESSIONS.search(name)}


def broken(database: Database) -> dict[str, list[object]]:
    """Return the rows that break an invariant, by its name; empty when all is well."""
    found: dict[str, list[object]] = {}
    with database.connection() as connection:
        for name, sql in INVARIANTS.items():
            rows = connection.execute(sql.encode()).fetchall()
            if rows:
                found[name] = [*rows[:5]]
    return found
