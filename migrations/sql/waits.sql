-- Waiting: a parked step is a ready one that is due when its time is over. An answer brings that
-- time forward; the worker that claims it then finds the answer.

-- Messages and the waits for them meet under this lock, taken after the job's and before a step's.
create function lock_mail(p_tenant text, p_job uuid) returns void language sql as $$
  select pg_advisory_xact_lock(hashtextextended('mail ' || p_tenant || p_job, 0))
$$;

-- Start the job that a step waits for. Nothing is reserved of its tenant's budgets: what it may
-- spend stays held by its parent.
create function start_child(
  j jobs, p_child uuid, p_agent text, p_input bytea, p_allowance bigint, p_max_steps int
) returns boolean language plpgsql as $$
declare a agents;
begin
  select * into a from agents where tenant_id in (j.tenant_id, '*') and name = p_agent
   order by tenant_id = '*' limit 1;
  if not found then return false; end if;
  perform submit_jobs(array[row(
    j.tenant_id, p_child, null, j.job_id, p_agent, p_input, j.metadata, null, j.priority,
    coalesce(p_max_steps, j.max_steps), p_allowance, a.plan_timeout_ms, a.plan_hold_micro, null,
    null, (extract(epoch from j.deadline_at - clock_timestamp()) * 1000)::bigint, a.version,
    j.depth + 1)::submission]);
  return true;
end $$;

create function park_step(
  p_tenant text, p_job uuid, p_position int, p_fence int, p_hold bigint, p_keeps_hold boolean,
  p_cost bigint, p_kind text, p_key text, p_timeout_ms bigint, p_prompt bytea,
  p_child uuid, p_agent text, p_input bytea, p_allowance bigint, p_max_steps int
) returns recorded language plpgsql as $$
declare
  j jobs; r recorded; m messages; v_answer bytea; v_now timestamptz; v_due timestamptz;
  v_expires timestamptz;
begin
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  if p_kind = 'event' then perform lock_mail(p_tenant, p_job); end if;
  perform 1 from steps where tenant_id = p_tenant and job_id = p_job and position = p_position
     and fence = p_fence and status = 'claimed' for update;
  if not found then
    r.result := case when j.finished_at is null then 'fenced' else 'ended' end;
    r.status := j.status;
    return r;
  end if;
  if j.status = 'canceling' or j.pause_requested then
    update jobs set spent_micro = spent_micro + p_cost
     where tenant_id = p_tenant and job_id = p_job;
    r.result := stand_down(p_tenant, p_job, p_position, p_fence);
    return r;
  end if;
  v_now := clock_timestamp();
  v_expires := v_now + make_interval(secs => p_timeout_ms / 1000.0);
  if p_kind = 'event' then
    update messages set taken_by = p_position
     where tenant_id = p_tenant and job_id = p_job and number = (
       select min(number) from messages where tenant_id = p_tenant and job_id = p_job
          and name = p_key and taken_by is null)
    returning * into m;
    v_answer := m.data;
  elsif p_kind = 'child'
        and not start_child(j, p_child, p_agent, p_input, p_allowance, p_max_steps) then
    v_answer := convert_to(json_build_object(
      'status', 'failed', 'error', json_build_object('code', 'unknown_agent', 'message',
      'no worker has registered an agent ' || quote_nullable(p_agent)))::text, 'UTF8');
  end if;
  insert into waits as w (tenant_id, job_id, position, kind, key, prompt, child_id, held_micro,
                          answer, created_at, expires_at, answered_at)
  values (p_tenant, p_job, p_position, p_kind, p_key, p_prompt, p_child,
          case when p_keeps_hold then p_hold else 0 end, v_answer, v_now, v_expires,
          case when v_answer is not null then v_now end)
  on conflict (tenant_id, job_id, position) do update
     set kind = excluded.kind, key = excluded.key, prompt = excluded.prompt,
         answer = excluded.answer, expires_at = excluded.expires_at,
         answered_at = excluded.answered_at;
  v_due := case when v_answer is null then coalesce(v_expires, v_now + interval '100 years') else v_now end;
  update steps set status = 'ready', lease_until = null, due_at = v_due, ring_at = v_due, rings = 0,
                   hold_micro = case when p_keeps_hold then 0 else hold_micro end
   where tenant_id = p_tenant and job_id = p_job and position = p_position;
  update jobs set held_micro = case when p_keeps_hold then held_micro
                                    else greatest(0, held_micro - p_hold) end,
                  spent_micro = spent_micro + p_cost,
                  status = case when j.status = 'running' and v_answer is null and not exists (
                                       select from steps
                                        where tenant_id = p_tenant and job_id = p_job
                                          and (status = 'claimed'
                                               or (status = 'ready' and due_at <= v_now)))
                                then 'waiting' else j.status end
   where tenant_id = p_tenant and job_id = p_job returning status into r.status;
  perform note(p_tenant, p_job, 'waiting', convert_to(json_build_object(
    'position', p_position, 'for', p_kind, 'key', p_key, 'until', v_expires)::text, 'UTF8'));
  r.result := 'recorded';
  r.open_steps := j.open_steps;
  return r;
end $$;

-- Answer whoever waits for this. The steps' jobs are not locked: who ends a child holds that one.
create function wake_waits(p_tenant text, p_kind text, p_key text, p_answer bytea, p_most int)
returns setof ring language plpgsql as $$
declare w waits; s steps; v_now timestamptz := clock_timestamp();
begin
  for w in select * from waits where tenant_id = p_tenant and kind = p_kind and key = p_key
              and answered_at is null order by created_at limit p_most for update loop
    update waits set answer = p_answer, answered_at = v_now
     where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position;
    update steps set due_at = v_now, ring_at = v_now, rings = 0
     where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position
       and status in ('ready', 'paused') returning * into s;
    if found and s.status = 'ready' then
      return next (s.tenant_id, s.job_id, s.position, s.kind, s.lane, true, 0)::ring;
    end if;
  end loop;
end $$;

-- A job has ended that another waits for; whoever ended it comes for that one's step next.
create function child_ended(j jobs) returns void language plpgsql as $$
begin
  perform wake_waits(
    j.tenant_id, 'child', j.job_id::text,
    convert_to('{"status":"' || j.status || '","spent_micro":' || j.spent_micro
               || ',"tokens":[' || j.input_tokens || ',' || j.cached_tokens || ','
               || j.output_tokens || '],"degraded":' || j.degraded
               || case when j.output is not null then ',"output":' when j.error is not null
                       then ',"error":' else '' end, 'UTF8')
    || coalesce(j.output, j.error, '') || '}', 1);
end $$;
