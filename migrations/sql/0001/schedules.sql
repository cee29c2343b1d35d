-- Firing a schedule: a tick becomes a run, a run becomes a job or a batch. The caller holds the row
-- of the schedule; (schedule, fire time) is the key of a run, and with it of what the run starts.

-- What a run starts: one job, or a batch with its specification. With neither, `key` says why not.
create type run_target as (
  key text, fingerprint bytea, keep interval, job submission, batch_id uuid, batch jsonb
);

create function schedule_name(p_schedule uuid) returns text language sql immutable as $$
  select 'sched_' || replace(p_schedule::text, '-', '')
$$;

-- A run whose job or batch has ended is no longer live. Returns how many still are.
create function live_runs(p_tenant text, p_schedule uuid) returns int language plpgsql as $$
begin
  update schedule_runs r set state = 'ended'
   where r.tenant_id = p_tenant and r.schedule_id = p_schedule and r.state = 'started'
     and not run_is_live(p_tenant, r.job_id, r.batch_id);
  return (select count(*) from schedule_runs
           where tenant_id = p_tenant and schedule_id = p_schedule and state = 'started');
end $$;

create function run_is_live(p_tenant text, p_job uuid, p_batch uuid)
returns boolean language plpgsql stable as $$
begin
  if p_job is not null then
    return exists (select from jobs
                    where tenant_id = p_tenant and job_id = p_job and finished_at is null);
  end if;
  return exists (select from batches
                  where tenant_id = p_tenant and batch_id = p_batch and finished_at is null);
end $$;

create function skip_run(
  p_tenant text, p_schedule uuid, p_fire_at timestamptz, p_until timestamptz, p_reason text
) returns void language plpgsql as $$
begin
  insert into schedule_runs (tenant_id, schedule_id, fire_at, origin, state, reason, skipped_until)
  values (p_tenant, p_schedule, p_fire_at, 'schedule', 'skipped', p_reason, p_until)
  on conflict do nothing;
  if found then perform announce_skip(p_tenant, p_schedule, p_fire_at, p_until, p_reason); end if;
end $$;

create function announce_skip(
  p_tenant text, p_schedule uuid, p_fire_at timestamptz, p_until timestamptz, p_reason text
) returns void language plpgsql as $$
begin
  perform announce_event(
    p_tenant, 'schedule.skipped', schedule_name(p_schedule),
    jsonb_build_object('id', schedule_name(p_schedule), 'object', 'schedule',
                       'scheduled_at', p_fire_at, 'skipped_until', p_until,
                       'skip_reason', p_reason,
                       'url', '/v1/schedules/' || schedule_name(p_schedule)));
end $$;

-- Decide about one tick. 'taken': somebody has; else the state that its run has now.
create function fire_run(
  p_tenant text, p_schedule uuid, p_fire_at timestamptz, p_origin text, p_overlap text,
  p_target run_target
) returns text language plpgsql as $$
declare v_live int; v_waiting int; v_reason text;
begin
  insert into schedule_runs (tenant_id, schedule_id, fire_at, origin, state)
  values (p_tenant, p_schedule, p_fire_at, p_origin, 'waiting') on conflict do nothing;
  if not found then return 'taken'; end if;
  if p_overlap = 'allow' then return start_run(p_tenant, p_schedule, p_fire_at, p_target); end if;
  v_live := live_runs(p_tenant, p_schedule);
  if p_overlap = 'cancel_running' and end_other_runs(p_tenant, p_schedule, p_fire_at) then
    return 'waiting';
  end if;
  select count(*) into v_waiting from schedule_runs
   where tenant_id = p_tenant and schedule_id = p_schedule and state = 'waiting'
     and fire_at <> p_fire_at and origin <> 'backfill';
  if v_live + v_waiting = 0 then
    return start_run(p_tenant, p_schedule, p_fire_at, p_target);
  end if;
  v_reason := case when p_overlap = 'skip' then 'overlap'
                   when v_waiting >= 1000 then 'queue_full' end;
  if v_reason is null then return 'waiting'; end if;
  update schedule_runs set state = 'skipped', reason = v_reason
   where tenant_id = p_tenant and schedule_id = p_schedule and fire_at = p_fire_at;
  perform announce_skip(p_tenant, p_schedule, p_fire_at, null, v_reason);
  return 'skipped';
end $$;

-- The newest run takes the place of all before: those that wait never start, those that run end.
-- True when there were any: then the newest begins in a transaction of its own, because this one has
-- locked jobs, and may wait for nothing.
create function end_other_runs(p_tenant text, p_schedule uuid, p_fire_at timestamptz)
returns boolean language plpgsql as $$
declare r schedule_runs; v_any boolean := false;
begin
  for r in select * from schedule_runs
            where tenant_id = p_tenant and schedule_id = p_schedule
              and state in ('waiting', 'started') and fire_at <> p_fire_at
              and not (state = 'waiting' and origin = 'backfill') loop
    v_any := true;
    if r.state = 'waiting' then
      update schedule_runs set state = 'skipped', reason = 'superseded'
       where tenant_id = p_tenant and schedule_id = p_schedule and fire_at = r.fire_at;
      perform announce_skip(p_tenant, p_schedule, r.fire_at, null, 'superseded');
    elsif r.job_id is not null then
      perform replace_job(p_tenant, r.job_id);
    else
      perform cancel_batch(p_tenant, r.batch_id, 'replaced by the next run');
    end if;
  end loop;
  return v_any;
end $$;

-- Stop the job of a run. One that somebody holds is left to whoever sweeps next: the timer is asked
-- for and not tried, because who ends that job now may have deleted it, and want what we hold.
create function replace_job(p_tenant text, p_job uuid) returns void language plpgsql as $$
declare j jobs;
begin
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job
     for no key update skip locked;
  if found and may_end(j) then
    perform stop_job(p_tenant, p_job, 'canceled', null, 'replaced by the next run', false);
    return;
  end if;
  insert into timers (tenant_id, job_id, kind, due_at)
  select p_tenant, p_job, 'replaced', clock_timestamp() where not exists (
    select from timers where tenant_id = p_tenant and job_id = p_job and kind = 'replaced');
end $$;

-- Start a run that waits: nothing when another has started it.
create function start_run(
  p_tenant text, p_schedule uuid, p_fire_at timestamptz, p_target run_target
) returns text language plpgsql as $$
declare v_verdict text;
begin
  perform 1 from schedule_runs
    where tenant_id = p_tenant and schedule_id = p_schedule and fire_at = p_fire_at
      and state = 'waiting' for update;
  if not found then return 'taken'; end if;
  if p_target.job is null and p_target.batch is null then
    return fail_run(p_tenant, p_schedule, p_fire_at, p_target.key);
  end if;
  if quota_is_reached(p_tenant, 'bytes')
     or p_target.batch is not null and quota_is_reached(p_tenant, 'batches')
     or (p_target.job).session_id <> '' and quota_is_reached(p_tenant, 'sessions')
        and not exists (select from sessions where tenant_id = p_tenant
                           and session_id = (p_target.job).session_id) then
    return fail_run(p_tenant, p_schedule, p_fire_at, 'quota_reached');
  end if;
  perform only_count();
  begin
    if p_target.batch is not null then
      perform create_batch(p_tenant, p_target.batch_id, p_target.batch);
    else
      select s.verdict into v_verdict
        from submit_once(p_target.key, p_target.fingerprint, p_target.keep, p_target.job) s;
      if v_verdict = 'reused' then
        return fail_run(p_tenant, p_schedule, p_fire_at, 'idempotency_key_reused');
      end if;
      update jobs set schedule_id = p_schedule
       where tenant_id = p_tenant and job_id = (p_target.job).job_id;
    end if;
  exception when sqlstate 'AW003' then
    return fail_run(p_tenant, p_schedule, p_fire_at, 'budget_exceeded');
  end;
  update schedule_runs set state = 'started', started_at = clock_timestamp(),
                           job_id = case when p_target.batch is null
                                         then (p_target.job).job_id end,
                           batch_id = case when p_target.batch is not null
                                           then p_target.batch_id end
   where tenant_id = p_tenant and schedule_id = p_schedule and fire_at = p_fire_at;
  return 'started';
end $$;

create function fail_run(p_tenant text, p_schedule uuid, p_fire_at timestamptz, p_reason text)
returns text language plpgsql as $$
begin
  update schedule_runs set state = 'failed', reason = p_reason
   where tenant_id = p_tenant and schedule_id = p_schedule and fire_at = p_fire_at;
  return 'failed';
end $$;

-- The turn of a run that waited for others to end.
create function promote_run(
  p_tenant text, p_schedule uuid, p_fire_at timestamptz, p_overlap text, p_target run_target
) returns text language plpgsql as $$
begin
  if p_overlap <> 'allow' and live_runs(p_tenant, p_schedule) > 0 then return 'waiting'; end if;
  return start_run(p_tenant, p_schedule, p_fire_at, p_target);
end $$;

-- Ask for runs of the past: ticks that did fire are left alone, skipped ones run after all.
create function backfill_runs(p_tenant text, p_schedule uuid, p_ticks timestamptz[])
returns int language plpgsql as $$
declare v_count int;
begin
  insert into schedule_runs as r (tenant_id, schedule_id, fire_at, origin, state)
  select p_tenant, p_schedule, tick, 'backfill', 'waiting' from unnest(p_ticks) tick
  on conflict (tenant_id, schedule_id, fire_at) do update
     set state = 'waiting', origin = 'backfill', reason = null, skipped_until = null
   where r.state in ('skipped', 'failed');
  get diagnostics v_count = row_count;
  return v_count;
end $$;
