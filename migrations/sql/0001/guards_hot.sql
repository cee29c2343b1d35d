-- The guards of the two tables that every step writes. One function each instead of CHECKs and
-- WHEN clauses: Postgres reads those anew for every statement, which made an insert of a step
-- three times and an update six times as dear (docs/decisions/0005-guards-of-hot-tables.md).

create function violated(p_table text, p_constraint text) returns void language plpgsql as $$
begin
  raise exception 'row of % violates %', p_table, p_constraint
    using errcode = 'check_violation', constraint = p_constraint;
end $$;

create function guard_job() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if new.journal_number < old.journal_number or new.next_position < old.next_position then
      raise exception 'jobs: journal number and next position only grow' using errcode = 'AW002';
    end if;
    if old.finished_at is not null
       and (new.finished_at is distinct from old.finished_at
            or new.output is distinct from old.output or new.error is distinct from old.error) then
      raise exception 'jobs: the end of a job is final' using errcode = 'AW002';
    end if;
    if new.tenant_id <> old.tenant_id or new.job_id <> old.job_id or new.root_id <> old.root_id
       or new.agent <> old.agent or new.agent_version <> old.agent_version or new.created_at <> old.created_at then
      raise exception 'jobs: who a job is never changes' using errcode = 'AW002';
    end if;
    if new.status <> old.status and not job_may_move(old.status, new.status) then
      raise exception 'jobs: a job may not move between these statuses' using errcode = 'AW002';
    end if;
  end if;
  if new.status not in ('queued', 'running', 'waiting', 'paused', 'canceling', 'in_doubt',
                        'quarantined', 'succeeded', 'failed', 'canceled') then
    perform violated('jobs', 'jobs_status_check');
  end if;
  if (new.finished_at is not null) <> (new.status in ('succeeded', 'failed', 'canceled')) then
    perform violated('jobs', 'jobs_finished_check');
  end if;
  if new.open_steps < 0 or new.next_position < 0 then
    perform violated('jobs', 'jobs_counts_check');
  end if;
  if new.held_micro < 0 or new.spent_micro < 0 then
    perform violated('jobs', 'jobs_money_check');
  end if;
  if (new.status = 'succeeded') <> (new.output is not null) then
    perform violated('jobs', 'jobs_output_check');
  end if;
  if (new.status = 'failed') <> (new.error is not null) then
    perform violated('jobs', 'jobs_error_check');
  end if;
  return new;
end $$;

create function guard_step() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if old.status in ('done', 'canceled') then
      raise exception 'steps: an outcome is written once, for ever' using errcode = 'AW002';
    end if;
    if new.fence < old.fence
       or (new.status = 'claimed' and old.status <> 'claimed' and new.fence <= old.fence) then
      raise exception 'steps: every claim raises the fence' using errcode = 'AW002';
    end if;
    if new.tenant_id <> old.tenant_id or new.job_id <> old.job_id
       or new.position <> old.position or new.kind <> old.kind or new.tool <> old.tool
       or new.effect <> old.effect or new.arguments is distinct from old.arguments then
      raise exception 'steps: what a step is told to do never changes' using errcode = 'AW002';
    end if;
    if new.status <> old.status and not step_may_move(old.status, new.status) then
      raise exception 'steps: a step may not move between these statuses' using errcode = 'AW002';
    end if;
  elsif new.kind not in ('plan', 'tool', 'evaluate') then
    perform violated('steps', 'steps_kind_check');
  elsif new.effect not in ('pure', 'keyed', 'reconcilable', 'transactional', 'unsafe') then
    perform violated('steps', 'steps_effect_check');
  end if;
  if new.status not in ('ready', 'claimed', 'paused', 'done', 'in_doubt', 'quarantined',
                        'canceled') then
    perform violated('steps', 'steps_status_check');
  end if;
  if new.lane not in ('plan', 'tool', 'effect', 'evaluate') then
    perform violated('steps', 'steps_lane_check');
  end if;
  if new.lane = 'tool' and new.effect in ('reconcilable', 'unsafe') then
    perform violated('steps', 'steps_effect_lane_check');
  end if;
  if (new.status = 'done') <> (new.outcome_type is not null and new.done_at is not null) then
    perform violated('steps', 'steps_outcome_check');
  end if;
  if (new.status = 'claimed') <> (new.lease_until is not null)
     or (new.status = 'claimed' and (new.claimed_by is null or new.fence <= 0)) then
    perform violated('steps', 'steps_lease_check');
  end if;
  return new;
end $$;

create trigger jobs_guard before insert or update on jobs
  for each row execute function guard_job();
create trigger steps_guard before insert or update on steps
  for each row execute function guard_step();
