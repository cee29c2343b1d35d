-- Recording: prove the fence, write the outcome once, update the job once, ready what follows.

create type next_step as (
  kind text, lane text, round int, tool text, call_id text, arguments text, effect text,
  timeout_ms int, hold_micro bigint
);

create type recorded as (
  result text,          -- recorded, fenced or ended
  status text,          -- the job's
  open_steps int,
  first_position int,   -- of the steps that became ready, or null
  carried int,          -- which of them (from 1) the caller holds already, or 0
  code text             -- why the job failed, where that was decided here
);

-- What is told to who no longer holds a step: somebody else does, or its job has ended.
create function came_late(j jobs) returns recorded language sql immutable as $$
  select case when j.finished_at is null then 'fenced' else 'ended' end, j.status, null::int,
         null::int, null::int, null::text
$$;

-- What a worker says of a step that it did: which step it is, what it gave, what that took, what
-- follows, and who goes on.
create type step_record as (
  tenant_id text, job_id uuid, "position" int, fence int,
  type text, outcome bytea, entry bytea, workflow text, degraded text,
  error bytea,           -- why it failed for good, if it did
  hold_micro bigint, cost_micro bigint, input_tokens bigint, cached_tokens bigint,
  output_tokens bigint,
  follow text,           -- next (these steps now), join (once no sibling is open), succeed or fail
  final bytea, steps json, course text,
  -- How many bytes the job may keep. Beyond them it ends, once no sibling is open: their effects are
  -- not cut off.
  most_bytes bigint,
  worker_id uuid, task_id text, carry text[]
);

-- p_yield: carry on with nothing if another tenant waits in these lanes.
create function record_step(p step_record, p_yield text[]) returns recorded language plpgsql as $$
declare
  j jobs; r recorded; s next_step; i int := 0;
  n int := coalesce(json_array_length(p.steps), 0);
  v_now timestamptz := clock_timestamp();
  v_held bigint := 0; v_called bigint; v_may_carry boolean; v_ended boolean; v_effect int;
  -- About as much as its rows take, what it gave, and what follows.
  v_bytes int := 512 + octet_length(p.outcome) + octet_length(p.entry)
                 + coalesce(octet_length(p.steps::text), 0) + coalesce(octet_length(p.final), 0)
                 + coalesce(octet_length(p.error), 0);
begin
  -- Asked here, because a call costs more than the answer.
  if current_setting('synchronous_commit') in ('off', 'local')
     or current_setting('idle_in_transaction_session_timeout') <> '5s' then
    perform hold_briefly();
  end if;
  select * into j from jobs where tenant_id = p.tenant_id and job_id = p.job_id for no key update;
  update steps set status = 'done', outcome_type = p.type, outcome = p.outcome,
                   error = coalesce(p.error, error), lease_until = null, done_at = v_now
   where tenant_id = p.tenant_id and job_id = p.job_id and position = p.position
     and fence = p.fence and coalesce(status, '') = 'claimed'
  returning called_micro, case when effect in ('keyed', 'reconcilable', 'unsafe')
                               then coalesce(octet_length(arguments), 0) + 2 * octet_length(p.outcome) end
    into v_called, v_effect;
  if not found then return came_late(j); end if;
  -- Of an effect the request, the evidence and the result are kept besides.
  v_bytes := v_bytes + coalesce(v_effect, 0);
  j.held_micro := j.held_micro - v_called;

  if j.status = 'canceling' or p.follow in ('succeed', 'fail')
     or (p.follow = 'join' and j.open_steps > 1) then
    n := 0;
  end if;
  if p.follow = 'next' and j.next_position + n > j.max_steps and n > 0 then
    n := 0;
    r.code := 'too_many_steps';
    p.follow := 'fail';
    p.final := limit_reached('too_many_steps', 'the job reached its limit of ' || j.max_steps
                             || case when j.max_steps = 1 then ' step' else ' steps' end);
  end if;

  if j.bytes + v_bytes > p.most_bytes
     and (p.follow = 'next' or p.follow = 'join' and j.open_steps = 1) then
    n := 0;
    r.code := 'too_many_bytes';
    p.follow := 'fail';
    p.final := limit_reached('too_many_bytes', 'the job stores more than its limit of '
                             || p.most_bytes / 1048576 || ' MiB');
  end if;

  if j.status <> 'canceling' and p.follow in ('succeed', 'fail') and j.open_steps > 1 then
    -- Its siblings are canceled with it, and nobody asks any more what became of their attempts.
    perform doubt_open(p.tenant_id, p.job_id, null, 'The job ended while an attempt had no answer; nobody knows whether it took effect');
    select journal_number into j.journal_number from jobs
     where tenant_id = p.tenant_id and job_id = p.job_id;
  end if;

  r.result := 'recorded';
  r.carried := 0;
  r.open_steps := j.open_steps - 1 + n;
  v_may_carry := not j.pause_requested and p.worker_id is not null
                 and (p_yield is null or not others_wait(p.tenant_id, p_yield));
  if n > 0 then
    r.first_position := j.next_position;
    for s in select * from json_populate_recordset(null::next_step, p.steps) loop
      i := i + 1;
      if v_may_carry and r.carried = 0 and s.lane = any (p.carry)
         and (j.allowance_micro = 0 or (
              j.held_micro - p.hold_micro + j.spent_micro + p.cost_micro
              + greatest(s.hold_micro, case when j.draws then 1 else 0 end) <= j.allowance_micro
              and not is_overdrawn(p.tenant_id))) then
        r.carried := i;
        v_held := s.hold_micro;
      end if;
      insert into steps (tenant_id, job_id, position, round, kind, lane, status, tool, call_id,
                         arguments, effect, timeout_ms, hold_micro, fence, due_at, ring_at,
                         lease_until, claimed_by, task_id, claimed_at, created_at)
      values (p.tenant_id, p.job_id, j.next_position + i - 1, s.round, s.kind, s.lane,
              case when r.carried = i then 'claimed'
                   when j.pause_requested then 'paused' else 'ready' end,
              s.tool, s.call_id, convert_to(s.arguments, 'UTF8'), s.effect, s.timeout_ms,
              s.hold_micro, case when r.carried = i then 1 else 0 end, v_now, v_now + interval '1 second',
              case when r.carried = i
                   then v_now + make_interval(secs => s.timeout_ms / 500.0) end,
              case when r.carried = i then p.worker_id end,
              case when r.carried = i then p.task_id end,
              case when r.carried = i then v_now end, v_now);
    end loop;
  end if;
  if j.status = 'canceling' then
    r.status := case when r.open_steps > 0 then 'canceling'
                     when j.stop_error is null then 'canceled' else 'failed' end;
    r.code := convert_from(j.stop_error, 'UTF8')::json ->> 'code';
    p.final := j.stop_error;
  else
    r.status := case p.follow when 'succeed' then 'succeeded' when 'fail' then 'failed'
                              else j.status end;
    -- The last sibling that did anything leaves those that wait.
    if p.follow = 'join' and r.open_steps > 0 and n = 0 and j.status = 'running'
       and exists (select from waits where tenant_id = p.tenant_id and job_id = p.job_id)
       and only_waits(p.tenant_id, p.job_id, r.open_steps) then
      r.status := 'waiting';
    end if;
  end if;
  v_ended := r.status in ('succeeded', 'failed', 'canceled');
  -- Said once: a model that is down for days is the same news in each round. The oldest goes first.
  if p.degraded <> '' and not j.degraded ? p.degraded then
    j.degraded := case when jsonb_array_length(j.degraded) < 100 then j.degraded
                       else j.degraded - 0 end || to_jsonb(p.degraded);
  end if;
  update jobs set
    open_steps = r.open_steps, next_position = j.next_position + n,
    journal_number = j.journal_number + case when v_ended then 2 else 1 end,
    bytes = bytes + v_bytes,
    held_micro = greatest(0, j.held_micro - p.hold_micro) + v_held,
    spent_micro = j.spent_micro + p.cost_micro,
    input_tokens = j.input_tokens + p.input_tokens, cached_tokens = j.cached_tokens + p.cached_tokens,
    output_tokens = j.output_tokens + p.output_tokens,
    tool_calls = j.tool_calls + case when p.type like 'tool%' then 1 else 0 end,
    course = coalesce(p.course, j.course),
    degraded = j.degraded,
    workflow = case when p.workflow = '' then j.workflow else p.workflow end,
    output = case when r.status = 'succeeded' then p.final else j.output end,
    error = case when r.status = 'failed' then p.final else j.error end,
    status = r.status,
    finished_at = case when v_ended then v_now end
   where tenant_id = p.tenant_id and job_id = p.job_id;
  if v_ended then
    insert into journal (tenant_id, job_id, number, type, at, bytes, data)
    values (p.tenant_id, p.job_id, j.journal_number + 1, 'step.completed', v_now, v_bytes, p.entry),
           (p.tenant_id, p.job_id, j.journal_number + 2, r.status, v_now, 0, staged(r.status,
            case r.status when 'failed' then p.final
                 when 'canceled' then convert_to(json_build_object('reason', j.cancel_reason)::text,
                                                 'UTF8')
                 else '{}' end));
    perform finish_record(j, r);
    if j.depth > 0 or j.session_id <> '' then
      -- Its parent is told what it gave and what it cost, its session what it answered.
      select * into j from jobs where tenant_id = p.tenant_id and job_id = p.job_id;
    else
      j.status := r.status;
      j.finished_at := v_now;
      j.journal_number := j.journal_number + 2;
      j.error := case when r.status = 'failed' then p.final else j.error end;
    end if;
    perform job_ended(j);
  else
    insert into journal (tenant_id, job_id, number, type, at, bytes, data)
    values (p.tenant_id, p.job_id, j.journal_number + 1, 'step.completed', v_now, v_bytes, p.entry);
    if p.type = 'summarised' and j.session_id <> '' then
      perform fold_session(p.tenant_id, j.session_id, p.outcome);
    end if;
  end if;
  return r;
end $$;

-- Record a step, and with it claim what is due next in these lanes, in one transaction.
create function record_and_claim(
  p step_record, p_next text[], p_look_further boolean, p_yields boolean, p_barred text[]
) returns table (r recorded, c claimed_step) language plpgsql as $$
begin
  r := record_step(p, case when p_yields then p_next end);
  if r.carried = 0 then
    select * into c
      from claim_next(p_next, p.worker_id, p.task_id, p_look_further, p_barred);
  end if;
  return next;
end $$;

-- The rare rest of an end: siblings left open, timers, reservations.
create function finish_record(j jobs, r recorded)
returns void language plpgsql as $$
begin
  if r.open_steps > 0 then
    update steps set status = 'canceled', lease_until = null
     where tenant_id = j.tenant_id and job_id = j.job_id
       and status in ('ready', 'claimed', 'paused', 'in_doubt', 'quarantined');
    perform leave_children(j.tenant_id, j.job_id);
  end if;
  if r.open_steps > 0 or j.allowance_micro > 0 then
    -- What canceled siblings held may have been used up: booked in full.
    update jobs set open_steps = 0, spent_micro = spent_micro + held_micro, held_micro = 0
     where tenant_id = j.tenant_id and job_id = j.job_id and (open_steps > 0 or held_micro > 0);
  end if;
  if j.deadline_at is not null or j.session_id <> '' then
    delete from timers where tenant_id = j.tenant_id and job_id = j.job_id;
  end if;
  if j.allowance_micro > 0 then
    perform settle_reservations(j.tenant_id, j.job_id, spent_micro) from jobs
      where tenant_id = j.tenant_id and job_id = j.job_id;
  end if;
end $$;

-- An attempt failed and may be made again: no outcome, a new due time. p_trouble is what failed; null:
-- nothing did, and the step waits for what p_error says.
create function retry_step(
  p_tenant text, p_job uuid, p_position int, p_fence int, p_hold bigint, p_cost bigint,
  p_delay_ms bigint, p_error text, p_counts boolean, p_data bytea, p_trouble bytea
) returns recorded language plpgsql as $$
declare j jobs; r recorded; v_due timestamptz; v_hold bigint; v_called bigint;
  v_before int;
begin
  perform commit_durably();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  select hold_micro, called_micro, octet_length(error) into v_hold, v_called, v_before from steps
   where tenant_id = p_tenant and job_id = p_job and position = p_position
     and fence = p_fence and coalesce(status, '') = 'claimed' for update;
  if not found then return came_late(j); end if;
  if j.pause_requested
     or j.status = 'canceling' and not settles(p_tenant, p_job, p_position) then
    update jobs set spent_micro = spent_micro + p_cost
     where tenant_id = p_tenant and job_id = p_job;
    r.result := stand_down(p_tenant, p_job, p_position, p_fence);
    return r;
  end if;
  v_due := clock_timestamp() + make_interval(secs => p_delay_ms / 1000.0);
  update steps set status = 'ready', lease_until = null, due_at = v_due, ring_at = v_due,
                   rings = 0, tries = least(tries + case when p_counts then 1 else 0 end, 32767),
                   last_error = case when p_trouble is null and error is not null
                     then left(convert_from(error, 'UTF8')::json ->> 'message', 1000) || '. ' else '' end || p_error,
                   error = coalesce(p_trouble, error)
   where tenant_id = p_tenant and job_id = p_job and position = p_position;
  -- What the step's wait holds it holds on: another attempt finds the same answer.
  update jobs set held_micro = greatest(0, held_micro - v_called - least(p_hold, v_hold)),
                  spent_micro = spent_micro + p_cost,
                  status = case when j.status = 'running' and j.open_steps = 1
                                     and p_delay_ms >= 5000 then 'waiting' else j.status end
   where tenant_id = p_tenant and job_id = p_job returning status into r.status;
  perform note(p_tenant, p_job, case when p_counts then 'retrying' else 'waiting' end, p_data,
               coalesce(octet_length(p_trouble) - coalesce(v_before, 0), 0));
  r.result := 'recorded';
  r.open_steps := j.open_steps;
  return r;
end $$;
