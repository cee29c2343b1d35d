-- Claiming: one statement, one step. A doubled nudge claims nothing and ends.

create type claimed_step as (
  tenant_id text, job_id uuid, "position" int, round int, kind text, lane text, fence int,
  tries int, tool text, call_id text, arguments bytea, effect text, timeout_ms int,
  hold_micro bigint, root_id uuid, agent text, input bytea, max_steps int, next_position int,
  lease_until timestamptz, more boolean, agent_version text, depth int, course text,
  left_micro bigint, deadline_ms bigint, user_id text, session_id text
);

-- Was a budget of this tenant lowered below what is used of it? Then it pays for nothing more.
create function is_overdrawn(p_tenant text) returns boolean language plpgsql stable as $$
begin
  return exists (select from budgets where tenant_id = p_tenant
                    and spent_micro + reserved_micro > limit_micro + overrun_micro);
end $$;

-- Can a job, whose row is locked by us, pay for what a step may cost: ok, busy (somebody holds one of
-- the budgets) or spent? A job without a limit of its own draws what is missing, and as much again as
-- the step may cost, so that it need not come for each. Budgets are only tried: whoever looks for
-- work may hold others.
create function pay_for(j jobs, p_hold bigint, out says text, out drawn bigint)
language plpgsql as $$
declare v_missing bigint := j.held_micro + j.spent_micro + p_hold - j.allowance_micro;
        v_all int; v_locked int; v_left bigint;
begin
  drawn := 0;
  if is_overdrawn(j.tenant_id) then
    says := 'spent';
  elsif v_missing <= 0 then
    says := 'ok';
  elsif not j.draws then
    says := 'spent';
  else
    select count(*) into v_all from budgets where tenant_id = j.tenant_id;
    select count(*), coalesce(min(b.unused), 9e15) into v_locked, v_left from (
      select limit_micro - spent_micro - reserved_micro as unused from budgets
       where tenant_id = j.tenant_id for update skip locked) b;
    says := case when v_locked < v_all then 'busy' when v_left < v_missing then 'spent' else 'ok' end;
    if says = 'ok' then
      drawn := least(v_left, v_missing + p_hold);
      perform reserve_allowance(j.tenant_id, j.job_id, drawn);
      update jobs set allowance_micro = allowance_micro + drawn
       where tenant_id = j.tenant_id and job_id = j.job_id;
    end if;
  end if;
end $$;

-- A call of a model is about to begin in a step for which nothing is held: what it may cost at most is
-- held until the step is recorded, and booked if its worker is lost. Says ok, fenced or spent.
create function begin_call(p_tenant text, p_job uuid, p_position int, p_fence int, p_worst bigint)
returns text language plpgsql as $$
declare j jobs;
begin
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  perform 1 from steps where tenant_id = p_tenant and job_id = p_job and position = p_position
     and fence = p_fence and coalesce(status, '') = 'claimed' for update;
  if not found then return 'fenced'; end if;
  if j.draws then
    perform 1 from budgets where tenant_id = p_tenant order by budget_id for update;
    if (pay_for(j, p_worst)).says <> 'ok' then return 'spent'; end if;
  end if;
  update steps set called_micro = called_micro + p_worst
   where tenant_id = p_tenant and job_id = p_job and position = p_position;
  update jobs set held_micro = held_micro + p_worst where tenant_id = p_tenant and job_id = p_job;
  return 'ok';
end $$;

-- Claim a step whose job is locked by us and whose row we know to be ready. Here as wherever a step is
-- found by its key, its status stands in coalesce: else a plan that was made while the table was small
-- may read a whole index of ready or claimed steps, with all that is left there under an old snapshot.
create function take_step(j jobs, p_position int, p_worker uuid, p_task text)
returns claimed_step language plpgsql as $$
declare s steps; c claimed_step; v_now timestamptz := clock_timestamp();
        v_says text; v_drawn bigint;
begin
  if current_setting('synchronous_commit') in ('off', 'local') then perform commit_durably(); end if;
  update steps set status = 'claimed', fence = fence + 1, claimed_by = p_worker,
                   task_id = p_task, claimed_at = v_now, called_micro = 0,
                   lease_until = v_now + make_interval(secs => timeout_ms / 500.0)
   where tenant_id = j.tenant_id and job_id = j.job_id and position = p_position
     and coalesce(status, '') = 'ready' and due_at <= v_now
   returning * into s;
  if not found then return null; end if;
  -- A plan for which nothing is held may cost something all the same.
  if (j.allowance_micro > 0 or j.draws) and j.status <> 'canceling' and (s.hold_micro > 0 or s.kind = 'plan') then
    select * into v_says, v_drawn
      from pay_for(j, greatest(s.hold_micro, case when j.draws then 1 else 0 end));
    j.allowance_micro := j.allowance_micro + v_drawn;
  end if;
  if v_says = 'busy' then
    update steps set status = 'ready', lease_until = null, due_at = v_now + interval '50 ms',
                     ring_at = v_now + interval '50 ms'
     where tenant_id = s.tenant_id and job_id = s.job_id and position = s.position;
    return null;
  elsif v_says = 'spent' then
    -- Its siblings as well: a step that cannot be claimed stands in everybody's way.
    update steps set status = 'paused', lease_until = null
     where tenant_id = s.tenant_id and job_id = s.job_id
       and (position = s.position or status = 'ready');
    update jobs set status = 'paused', status_detail = 'budget', pause_requested = true
     where tenant_id = j.tenant_id and job_id = j.job_id;
    perform note(j.tenant_id, j.job_id, 'paused',
                 '{"stage":"execute","component":"cost","reason":"budget"}');
    perform announce(j.tenant_id, j.job_id, 'job.paused', '{"reason":"budget"}');
    -- Its parent waits for its end. It is ended by whoever sweeps next: here the parent's step is
    -- not to be waited for.
    if j.depth > 0 then
      insert into timers (tenant_id, job_id, kind, due_at)
      values (j.tenant_id, j.job_id, 'budget', v_now) on conflict do nothing;
    end if;
    return null;
  end if;
  if s.hold_micro > 0 or j.status in ('queued', 'waiting') then
    update jobs set held_micro = held_micro + s.hold_micro,
                    started_at = coalesce(started_at, v_now),
                    status = case when status in ('queued', 'waiting') then 'running'
                                  else status end,
                    journal_number = journal_number
                      + case when status in ('queued', 'waiting') then 1 else 0 end
     where tenant_id = j.tenant_id and job_id = j.job_id;
    if j.status in ('queued', 'waiting') then
      perform write_journal(j.tenant_id, j.job_id, j.journal_number + 1,
                            case j.status when 'queued' then 'started' else 'resumed' end,
                            case s.kind
                              when 'plan' then '{"stage":"execute","component":"planner"}'::bytea
                              when 'tool' then '{"stage":"execute","component":"tool_router"}'
                              else '{"stage":"execute","component":"evaluator"}' end);
    end if;
  end if;
  c := (s.tenant_id, s.job_id, s.position, s.round, s.kind, s.lane, s.fence, s.tries, s.tool,
        s.call_id, s.arguments, s.effect, s.timeout_ms, s.hold_micro, j.root_id, j.agent,
        j.input, j.max_steps, j.next_position, s.lease_until, false, j.agent_version, j.depth,
        j.course,
        case when j.allowance_micro > 0
             then j.allowance_micro - j.held_micro - j.spent_micro - s.hold_micro
                  + case when j.draws then coalesce(left_in_budgets(j.tenant_id), 0) else 0 end end,
        (extract(epoch from j.deadline_at - v_now) * 1000)::bigint, j.user_id, j.session_id);
  -- A client that freezes while it reads a long reply would hold the job's lock: a reply that fits
  -- into the sockets' buffers has left us anyway. The rest is read without any lock.
  if octet_length(c.input) + coalesce(octet_length(c.arguments), 0) > 65536 then
    c.input := null;
    c.arguments := null;
  end if;
  return c;
end $$;

-- May a step of this job be claimed? One of a job that is being stopped finds out what became of an
-- attempt (see settles). Its status stands in coalesce: no index of jobs by their status shall be used
-- for that, but their key.
create function is_claimable(j jobs, p_now timestamptz) returns boolean language sql stable as $$
  select coalesce(j.status, '') in ('queued', 'running', 'waiting', 'in_doubt', 'quarantined',
                                    'canceling')
         and not j.pause_requested
         and (j.deadline_at is null or j.deadline_at > p_now or j.status = 'canceling')
$$;

create function claim_step(p_tenant text, p_job uuid, p_position int, p_worker uuid, p_task text)
returns setof claimed_step language plpgsql as $$
declare j jobs; c claimed_step;
begin
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  if not found or not is_claimable(j, clock_timestamp()) then return; end if;
  c := take_step(j, p_position, p_worker, p_task);
  if c.fence is not null then return next c; end if;
end $$;

-- The oldest due step of these lanes, in their order, of the tenant whose turn it is, or of anybody.
-- It passes over whatever anybody holds: the job is locked first, so that the thousand steps of a job
-- in use are not locked in vain, each hidden meanwhile from whoever looks next.
create function claim_oldest(
  p_turn text, p_lanes text[], p_worker uuid, p_task text, p_barred text[] default '{}'
) returns claimed_step language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_sort = off set plan_cache_mode = force_generic_plan as $$
declare
  v_at record; j jobs; c claimed_step; v_now timestamptz := clock_timestamp();
  v_since timestamptz[] := ready_since(p_lanes); v_before bigint := ready_passed();
  v_passed bigint;
begin
  -- A step that its job cannot pay for pauses that job; the next one may be affordable.
  for attempt in 1..20 loop
    if p_turn is null then
      select due.* into v_at
        from unnest(p_lanes, v_since) as wanted (lane, since),
             lateral (select s.position, jobs as job
                        from steps s join jobs using (tenant_id, job_id)
                       where s.lane = wanted.lane and s.status = 'ready' and s.due_at <= v_now
                         and s.due_at >= coalesce(wanted.since, '-infinity')
                         and is_claimable(jobs, v_now)
                       order by s.due_at limit 1 for no key update of jobs, s skip locked) due
       limit 1;
    else
      -- Compared as pairs: only the index that begins with the tenant gives them in this order.
      select due.* into v_at
        from unnest(p_lanes, v_since) as wanted (lane, since),
             lateral (select s.position, jobs as job
                        from steps s join jobs using (tenant_id, job_id)
                       where s.lane = wanted.lane and s.status = 'ready'
                         and (s.tenant_id, s.due_at) <= (p_turn, v_now)
                         and (s.tenant_id, s.due_at) >= (p_turn, coalesce(wanted.since, '-infinity'))
                         and is_claimable(jobs, v_now)
                       order by s.tenant_id, s.due_at limit 1
                         for no key update of jobs, s skip locked) due
       limit 1;
    end if;
    if not found then
      exit when p_turn is null;
      -- Others took what it had, or hold it.
      p_turn := case when attempt < 5 then take_turn(p_lanes, p_barred) end;
      exit when p_turn is null and p_barred <> '{}';
      continue;
    end if;
    j := v_at.job;
    c := take_step(j, v_at.position, p_worker, p_task);
    exit when c.fence is not null;
  end loop;
  v_passed := ready_passed() - v_before;
  if v_passed >= 100 then perform remember_ready(v_since, v_passed); end if;
  return c;
end $$;

create function claim_next(
  p_lanes text[], p_worker uuid, p_task text, p_look_further boolean, p_barred text[] default '{}'
) returns setof claimed_step language plpgsql as $$
declare v_turn text := take_turn(p_lanes, p_barred); c claimed_step;
begin
  -- Where some are barred, whoever has waited for a moment is on the list, and others are rung for.
  if v_turn is null and p_barred <> '{}' then return; end if;
  c := claim_oldest(v_turn, p_lanes, p_worker, p_task, p_barred);
  if c.fence is null then return; end if;
  if p_look_further then c.more := is_more_due(p_lanes); end if;
  return next c;
end $$;

-- Answer a nudge: the step that it names, unless another tenant has its turn, or else (and for no
-- position at all) whatever is due. A step that was passed over is due, and comes up in its own turn.
create function claim_nudged(
  p_tenant text, p_job uuid, p_position int, p_lanes text[], p_worker uuid, p_task text,
  p_look_further boolean, p_barred text[] default '{}'
) returns setof claimed_step language plpgsql as $$
declare c claimed_step; v_turn text := take_turn(p_lanes, p_barred);
begin
  if p_position >= 0 and p_tenant <> all (p_barred) and coalesce(v_turn, p_tenant) = p_tenant then
    select * into c from claim_step(p_tenant, p_job, p_position, p_worker, p_task);
  elsif p_position >= 0 then
    perform look_back_for(p_tenant, p_job, p_position);
  end if;
  if c.fence is null and (v_turn is not null or p_barred = '{}') then
    c := claim_oldest(v_turn, p_lanes, p_worker, p_task, p_barred);
  end if;
  if c.fence is null then return; end if;
  if p_look_further then c.more := is_more_due(p_lanes); end if;
  return next c;
end $$;
