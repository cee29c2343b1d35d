-- What a person or a deadline may ask of a job.

-- Does somebody hold a right to act for this step that has not been answered yet?
create function has_live_permit(p_tenant text, p_job uuid, p_position int)
returns boolean language sql stable as $$
  select exists (
    select from effects e join permits p using (tenant_id, effect_key)
     where e.tenant_id = p_tenant and e.job_id = p_job and e.position = p_position
       and e.state = 'intended' and (p.says is null or p.says = 'unknown'))
$$;

-- Would another look, or the same key once more, tell what became of an attempt without an answer?
-- A step of a job that is being stopped goes on for that alone. Not for ever: its workers may die
-- of it, and its tool may be gone.
create function settles(p_tenant text, p_job uuid, p_position int)
returns boolean language sql stable as $$
  select exists (
    select from effects e join permits p using (tenant_id, effect_key)
      join steps s on s.tenant_id = e.tenant_id and s.job_id = e.job_id
                  and s.position = e.position
     where e.tenant_id = p_tenant and e.job_id = p_job and e.position = p_position
       and e.state = 'intended' and e.cls <> 'unsafe' and s.tries < 25
       and (p.says is null or p.says = 'unknown'))
$$;

-- Stop a job: at once where nothing is being done, else as soon as that can be known.
create function stop_job(
  p_tenant text, p_job uuid, p_status text, p_error bytea, p_reason text, p_now boolean
) returns text language plpgsql as $$
declare j jobs; s steps; v_open int; v_settling int[] := '{}'; v_now timestamptz := clock_timestamp();
begin
  perform commit_durably();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  if not found then return 'not_found'; end if;
  if j.finished_at is not null then return j.status; end if;
  -- A step that was between two attempts leaves a right to act behind: what became of that is found
  -- out where it can be, and is a doubt where it cannot. Its tries are counted anew.
  for s in select steps.* from steps join effects e using (tenant_id, job_id, position)
            where e.tenant_id = p_tenant and e.job_id = p_job and e.state = 'intended'
              and steps.status in ('ready', 'claimed', 'paused', 'quarantined')
              and has_live_permit(p_tenant, p_job, e.position)
            order by steps.position loop
    if s.status = 'claimed' then
      if j.status <> 'canceling' then
        update steps set tries = 0
         where tenant_id = p_tenant and job_id = p_job and position = s.position;
      end if;
    elsif s.status <> 'quarantined' and settles(p_tenant, p_job, s.position) then
      v_settling := v_settling || s.position;
      update steps set status = 'ready', due_at = least(due_at, v_now), ring_at = v_now, rings = 0,
                       tries = case when j.status = 'canceling' then tries else 0 end
       where tenant_id = p_tenant and job_id = p_job and position = s.position;
    else
      perform doubt_open(p_tenant, p_job, s.position, p_reason);
    end if;
  end loop;
  update steps set status = 'canceled', lease_until = null
   where tenant_id = p_tenant and job_id = p_job
     and ((status in ('ready', 'paused', 'in_doubt', 'quarantined')
           and position <> all (v_settling))
          or (p_now and status = 'claimed'
              and not has_live_permit(p_tenant, p_job, position)));
  select count(*) into v_open from steps
   where tenant_id = p_tenant and job_id = p_job and status in ('claimed', 'ready');
  if v_open = 0 then
    update jobs set cancel_reason = coalesce(cancel_reason, p_reason)
     where tenant_id = p_tenant and job_id = p_job;
    perform end_job(p_tenant, p_job, p_status, p_error,
                    coalesce(p_error,
                             convert_to(json_build_object('reason', p_reason)::text, 'UTF8')));
    return p_status;
  end if;
  update jobs set open_steps = v_open, cancel_reason = coalesce(cancel_reason, p_reason),
                  status = 'canceling', pause_requested = false, stop_error = coalesce(stop_error, p_error)
   where tenant_id = p_tenant and job_id = p_job;
  if j.status <> 'canceling' then
    perform note(p_tenant, p_job, 'canceling',
                 convert_to(json_build_object('reason', p_reason)::text, 'UTF8'));
  end if;
  return 'canceling';
end $$;

create function pause_job(p_tenant text, p_job uuid, p_reason text)
returns text language plpgsql as $$
declare j jobs;
begin
  perform commit_durably();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  if not found then return 'not_found'; end if;
  if j.finished_at is not null or j.status = 'canceling' or j.pause_requested then
    return j.status;
  end if;
  update steps set status = 'paused'
   where tenant_id = p_tenant and job_id = p_job and status = 'ready';
  update jobs set pause_requested = true, status = 'paused', status_detail = p_reason
   where tenant_id = p_tenant and job_id = p_job;
  perform note(p_tenant, p_job, 'paused',
               convert_to(json_build_object('reason', p_reason)::text, 'UTF8'));
  return 'paused';
end $$;

-- The status of a live job follows from its steps.
create function status_of_live(p_tenant text, p_job uuid, p_started boolean)
returns text language sql stable as $$
  select case when bool_or(status = 'in_doubt') then 'in_doubt'
              when bool_or(status = 'quarantined') then 'quarantined'
              when not p_started then 'queued'
              when bool_or(status = 'claimed' or due_at <= clock_timestamp()) then 'running'
              else 'waiting' end
    from steps where tenant_id = p_tenant and job_id = p_job
     and status in ('ready', 'claimed', 'paused', 'in_doubt', 'quarantined')
$$;

create function resume_job(p_tenant text, p_job uuid)
returns text language plpgsql as $$
declare j jobs; v_after text;
begin
  perform commit_durably();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  if not found then return 'not_found'; end if;
  if j.finished_at is not null or not j.pause_requested then return j.status; end if;
  update steps set status = 'ready', ring_at = greatest(due_at, clock_timestamp()), rings = 0
   where tenant_id = p_tenant and job_id = p_job and status = 'paused';
  v_after := status_of_live(p_tenant, p_job, j.started_at is not null);
  update jobs set pause_requested = false, status_detail = null, status = v_after
   where tenant_id = p_tenant and job_id = p_job;
  perform watch_turn(j);
  perform note(p_tenant, p_job, 'resumed', '{}');
  return v_after;
end $$;

-- Let a poisonous step try again, once an operator has said so.
create function release_step(p_tenant text, p_job uuid, p_position int)
returns text language plpgsql as $$
declare j jobs; v_after text;
begin
  perform commit_durably();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  if not found then return 'not_found'; end if;
  update steps set status = case when j.pause_requested then 'paused' else 'ready' end,
                   deaths = 0, rings = 0, due_at = clock_timestamp(), ring_at = clock_timestamp()
   where tenant_id = p_tenant and job_id = p_job and position = p_position
     and status = 'quarantined';
  if not found then return 'not_quarantined'; end if;
  v_after := case when j.pause_requested then 'paused'
                  else status_of_live(p_tenant, p_job, true) end;
  update jobs set status = v_after, status_detail = null
   where tenant_id = p_tenant and job_id = p_job and status <> v_after;
  perform watch_turn(j);
  perform note(p_tenant, p_job, 'released',
               convert_to(json_build_object('position', p_position)::text, 'UTF8'));
  return v_after;
end $$;
