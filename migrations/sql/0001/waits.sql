-- Waiting: a parked step is a ready one that is due when its time is over. An answer brings that
-- time forward; the worker that claims it then finds the answer.

-- Messages and the waits for them meet under this lock, taken after the job's and before a step's.
create function lock_mail(p_tenant text, p_job uuid) returns void language sql as $$
  select pg_advisory_xact_lock(hashtextextended('mail ' || p_tenant || p_job, 0))
$$;

create function refusal(p_code text, p_message text) returns bytea language sql immutable as $$
  select convert_to(json_build_object('status', 'refused', 'error', json_build_object(
    'code', p_code, 'message', p_message))::text, 'UTF8')
$$;

-- The open steps of a job, of which it has so many: they are among its newest, so that a job of ten
-- thousand steps is asked as quickly as one of ten, if only the index is read from behind.
create function open_steps(p_tenant text, p_job uuid, p_open int) returns setof steps
language plpgsql stable rows 10
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
begin
  return query select * from steps
    where tenant_id = p_tenant and job_id = p_job
      and status in ('ready', 'claimed', 'paused', 'in_doubt', 'quarantined')
    order by position desc limit p_open;
end $$;

-- Is everything that a job still has to do waiting?
create function only_waits(p_tenant text, p_job uuid, p_open int) returns boolean
language plpgsql stable as $$
declare v_now timestamptz := clock_timestamp();
begin
  return not exists (select from open_steps(p_tenant, p_job, p_open)
                      where status = 'claimed' or (status = 'ready' and due_at <= v_now));
end $$;

-- What a child may spend of what its parent has left: what was asked for, or else an equal part of
-- the rest with the siblings that have not begun yet. Null: the parent has no such limit; less than
-- one: there is not enough.
create function carve_allowance(j jobs, p_asked bigint, p_reserve bigint)
returns bigint language plpgsql stable as $$
declare v_left bigint := j.allowance_micro - j.held_micro - j.spent_micro - p_reserve; v_others int;
begin
  if j.allowance_micro = 0 then return null; end if;
  if j.draws then
    -- Nobody said how much: a tenth, so that the others of its tenant can go on meanwhile.
    v_left := coalesce(left_in_budgets(j.tenant_id), p_asked, 0) + v_left;
    p_asked := coalesce(p_asked, v_left / 10);
  end if;
  if p_asked is not null then
    return case when p_asked <= v_left + p_reserve then p_asked else 0 end;
  end if;
  select count(*) into v_others
    from open_steps(j.tenant_id, j.job_id, j.open_steps) open
   where tool in ('delegate', 'hand_off') and not exists (
         select from waits w where w.tenant_id = j.tenant_id and w.job_id = j.job_id
            and w.position = open.position);
  return greatest(0, v_left / greatest(1, v_others));
end $$;

-- Start the job that a step waits for; what it may spend is held by its parent until it has ended.
-- Nothing is reserved of its tenant's budgets: its parent has done that. Its time-out is its own
-- deadline, so that its parent always learns what it cost. Says why not, or null.
create function start_child(
  j jobs, p_child uuid, p_agent text, p_input bytea, p_allowance bigint, p_max_steps int,
  p_timeout_ms bigint
) returns bytea language plpgsql as $$
declare a agents; s submission;
begin
  select * into a from agents where tenant_id in (j.tenant_id, '*') and name = p_agent
   order by tenant_id = '*' limit 1;
  if not found then
    return refusal('unknown_agent',
                   'no worker has registered an agent ' || quote_literal(p_agent));
  end if;
  if a.retired_at is not null then
    return refusal('agent_retired',
                   'agent ' || quote_literal(p_agent) || ' was retired: it takes no new jobs');
  end if;
  -- Nobody could ever claim its first step, and its parent would wait for it.
  if p_allowance < a.plan_hold_micro then
    return refusal('budget', format('a plan of %s may cost $%s, and the job would get $%s',
                                    quote_literal(p_agent), trim_scale(a.plan_hold_micro * 0.000001),
                                    trim_scale(p_allowance * 0.000001)));
  end if;
  s := plain_job(j.tenant_id, p_agent);
  s.job_id := p_child;
  s.input := p_input;
  s.max_cost_micro := coalesce(p_allowance, 0);
  s.deadline_ms := least((extract(epoch from j.deadline_at - clock_timestamp()) * 1000)::bigint,
                         p_timeout_ms);
  -- What it has of its parent.
  s.parent_id := j.job_id;
  s.depth := j.depth + 1;
  s.metadata := j.metadata;
  s.priority := j.priority;
  s.max_steps := coalesce(p_max_steps, j.max_steps);
  s.user_id := j.user_id;
  perform submit_jobs(array[s]);
  return null;
end $$;

create function park_step(
  p_tenant text, p_job uuid, p_position int, p_fence int, p_hold bigint, p_keeps_hold boolean,
  p_cost bigint, p_kind text, p_key text, p_timeout_ms bigint, p_prompt bytea,
  p_child uuid, p_agent text, p_input bytea, p_asked bigint, p_reserve bigint, p_max_steps int,
  p_trouble bytea
) returns recorded language plpgsql as $$
declare
  j jobs; r recorded; s steps; w waits; v_answer bytea; v_now timestamptz; v_due timestamptz;
  v_expires timestamptz; v_allowance bigint; v_held bigint := case when p_keeps_hold then p_hold else 0 end;
begin
  perform commit_durably();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  if p_kind = 'event' then perform lock_mail(p_tenant, p_job); end if;
  select * into s from steps where tenant_id = p_tenant and job_id = p_job and position = p_position
     and fence = p_fence and coalesce(status, '') = 'claimed' for update;
  if not found then return came_late(j); end if;
  if j.status = 'canceling' or j.pause_requested then
    update jobs set spent_micro = spent_micro + p_cost
     where tenant_id = p_tenant and job_id = p_job;
    r.result := stand_down(p_tenant, p_job, p_position, p_fence);
    return r;
  end if;
  v_now := clock_timestamp();
  v_expires := v_now + make_interval(secs => p_timeout_ms / 1000.0);
  select * into w from waits where tenant_id = p_tenant and job_id = p_job and position = p_position;
  if p_kind = 'child' then
    v_expires := null;
    if w.kind = 'child' then  -- it was started before, once and for all
      v_answer := w.answer;
      v_held := w.held_micro;
    else
      if j.draws then
        perform 1 from budgets where tenant_id = p_tenant order by budget_id for update;
      end if;
      v_allowance := carve_allowance(j, p_asked, p_reserve);
      if v_allowance < 1 or (j.draws and (pay_for(j, v_allowance)).says = 'spent') then
        v_answer := refusal('budget', format('the job has $%s left, %s', trim_scale(greatest(0,
          j.allowance_micro - j.held_micro - j.spent_micro) * 0.000001), case when p_asked is null
          then 'too little to share'
          else 'and $' || trim_scale(p_asked * 0.000001) || ' was asked for' end));
      else
        v_answer := start_child(j, p_child, p_agent, p_input, coalesce(v_allowance, p_asked),
                                p_max_steps, p_timeout_ms);
        if v_answer is null then v_held := coalesce(v_allowance, 0); end if;
      end if;
    end if;
  elsif w.kind = p_kind and p_kind not in ('breaker', 'place', 'worker') and w.answer is not null then
    v_answer := w.answer;
  elsif p_kind = 'event' then
    update messages set taken_by = p_position
     where tenant_id = p_tenant and job_id = p_job and number = (
       select number from messages where tenant_id = p_tenant and job_id = p_job
          and name = p_key and taken_by is null order by number limit 1)
    returning data into v_answer;
  end if;
  insert into waits (tenant_id, job_id, position, kind, key, prompt, child_id, held_micro,
                     answer, created_at, expires_at, answered_at)
  values (p_tenant, p_job, p_position, p_kind, p_key, p_prompt, p_child, v_held, v_answer, v_now,
          v_expires, case when v_answer is not null then v_now end)
  on conflict (tenant_id, job_id, position) do update
     set kind = excluded.kind, key = excluded.key, prompt = excluded.prompt,
         child_id = excluded.child_id, held_micro = excluded.held_micro,
         answer = excluded.answer, expires_at = excluded.expires_at,
         answered_at = excluded.answered_at;
  v_due := case when v_answer is null then coalesce(v_expires, v_now + interval '100 years')
                else v_now end;
  update steps set status = 'ready', lease_until = null, due_at = v_due, rings = 0,
                   ring_at = case when v_answer is null then v_due else v_now + interval '1 second' end,
                   hold_micro = case when p_keeps_hold then 0 else hold_micro end,
                   error = coalesce(p_trouble, error),
                   last_error = coalesce(
                     convert_from(p_trouble, 'UTF8')::json ->> 'message',
                     case p_kind when 'worker' then convert_from(p_prompt, 'UTF8')::json ->> 'message'
                                 else last_error end)
   where tenant_id = p_tenant and job_id = p_job and position = p_position;
  -- What this step had held before, its wait holds now.
  update jobs set held_micro = greatest(0, held_micro - p_hold + v_held),
                  spent_micro = spent_micro + p_cost,
                  status = case when j.status = 'running' and v_answer is null
                                     and only_waits(p_tenant, p_job, j.open_steps)
                                then 'waiting' else j.status end
   where tenant_id = p_tenant and job_id = p_job returning status into r.status;
  perform note(p_tenant, p_job, 'waiting', convert_to(json_build_object(
    'stage', 'execute',
    'component', case when p_kind in ('breaker', 'worker') then 'recovery' else 'tool_router' end,
    'position', p_position, 'for', p_kind,
    'key', case when p_kind = 'child' then 'job_' || replace(p_key, '-', '') else p_key end,
    'until', v_expires)::text, 'UTF8'),
    octet_length(p_prompt) + coalesce(octet_length(p_trouble) - coalesce(octet_length(s.error), 0), 0));
  if p_kind = 'person' and w.kind is null then
    perform announce(p_tenant, p_job, 'job.waiting', convert_to('{"position":' || p_position
      || ',"key":' || to_json(p_key)::text || ',"prompt":', 'UTF8') || p_prompt || '}');
  end if;
  r.result := 'recorded';
  r.open_steps := j.open_steps;
  return r;
end $$;

-- Answer whoever waits for this. The steps' jobs are not locked: who ends a child holds that one.
-- A step's row is locked before its wait's, here and in `park_step`.
create function wake_waits(p_tenant text, p_kind text, p_key text, p_answer bytea, p_most int)
returns setof ring language plpgsql as $$
declare w waits; s steps; v_now timestamptz := clock_timestamp();
begin
  for w in select * from waits where tenant_id = p_tenant and kind = p_kind and key = p_key
              and answered_at is null order by created_at, job_id, position limit p_most loop
    select * into s from steps where tenant_id = w.tenant_id and job_id = w.job_id
       and position = w.position for update;
    update waits set answer = p_answer, answered_at = v_now
     where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position
       and kind = p_kind and key = p_key and answered_at is null;
    continue when not found or s.status not in ('ready', 'paused');
    update steps set due_at = v_now, ring_at = v_now + interval '1 second', rings = 0
     where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position;
    if s.status = 'ready' then
      return next (s.tenant_id, s.job_id, s.position, s.kind, s.lane, true, 0)::ring;
    end if;
  end loop;
end $$;

-- Lock the step that waits for this job's end, or say that somebody holds it: who has locked many
-- jobs may not wait for one.
create function lock_parent(j jobs) returns boolean language plpgsql as $$
declare w waits;
begin
  if j.depth = 0 then return true; end if;
  select * into w from waits where tenant_id = j.tenant_id and kind = 'child'
     and key = j.job_id::text and answered_at is null;
  if not found then return true; end if;
  perform 1 from steps where tenant_id = w.tenant_id and job_id = w.job_id
      and position = w.position for update skip locked;
  return found;
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

-- A job has ended before those that it started: they are due to be canceled, by whoever sweeps next.
-- Here they are not locked: some of them may be ending now, and want this one's step.
create function leave_children(p_tenant text, p_job uuid) returns void language plpgsql as $$
begin
  insert into timers (tenant_id, job_id, kind, due_at)
  select w.tenant_id, w.child_id, 'orphan', clock_timestamp()
    from waits w join jobs c on c.tenant_id = w.tenant_id and c.job_id = w.child_id
   where w.tenant_id = p_tenant and w.job_id = p_job and w.child_id is not null
     and c.finished_at is null
  on conflict do nothing;
end $$;

-- What somebody may want to know of the waits of a live job, as JSON. A step that nobody came for in
-- two seconds, or that a worker could not do, tells which worker is missing.
create function waiting_for(p_tenant text, p_job uuid, p_open int) returns text language sql stable as $$
  with open as (
    select s.*, w.kind as waits_for, w.key as wait_key, w.prompt, w.created_at as waits_since, w.expires_at
      from open_steps(p_tenant, p_job, p_open) s
           left join lateral (
             select * from waits where tenant_id = p_tenant and job_id = p_job
                and position = s.position and answered_at is null
                and (expires_at is null or expires_at > clock_timestamp()) limit 1) w on true)
  select coalesce(json_agg(json_build_object(
           'position', o.position, 'kind', coalesce(o.waits_for, 'worker'),
           'key', case when o.waits_for = 'child' then 'job_' || replace(o.wait_key, '-', '')
                       when o.waits_for is null or o.waits_for = 'worker' then missing.key
                       else o.wait_key end,
           'prompt', case when o.waits_for is null or o.waits_for = 'worker'
                          then json_build_object('message', missing.message)
                          else convert_from(o.prompt, 'UTF8')::json end,
           'since', to_char(coalesce(o.waits_since, o.created_at) at time zone 'UTC',
                            'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'until', to_char(o.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'behind', null)
         order by o.position), '[]')::text
    from open o left join lateral (
           select * from missing_worker(
             o.waits_for = 'worker' or o.waits_for is null and o.status = 'ready'
             and o.due_at < clock_timestamp() - interval '2 seconds',
             p_tenant, p_job, o.lane, o.wait_key, o.prompt)) missing on true
   where o.waits_for <> 'worker' or missing.message is not null
$$;
