-- Submission: the job, its first step and its first journal entry, for one job or for many that
-- arrived together. Nothing here waits for anything but the transaction log.

-- The last are what `domain/job.py: JobOptions` names.
create type submission as (
  tenant_id text, job_id uuid, root_id uuid, parent_id uuid, agent text, input bytea,
  metadata jsonb, callback_url text, max_cost_micro bigint, plan_timeout_ms int,
  plan_hold_micro bigint, run_at timestamptz, delay_ms bigint, deadline_ms bigint,
  agent_version text, depth int, on_busy text, session_ttl_s int,
  priority int, max_steps int, user_id text, session_id text
);

-- A plain job of an agent. Whoever makes a job in the database says over it, by the names of
-- `submission`, in what it differs: jsonb_populate_record(plain, said).
create function plain_job(p_tenant text, p_agent text) returns submission
language plpgsql stable as $$
declare s submission;
begin
  s.tenant_id := p_tenant;
  s.agent := p_agent;
  s.metadata := '{}';
  s.priority := 0;
  s.max_steps := 1000;
  select plan_timeout_ms, plan_hold_micro, version
    into s.plan_timeout_ms, s.plan_hold_micro, s.agent_version from agents
   where tenant_id in (p_tenant, '*') and name = p_agent order by tenant_id = '*' limit 1;
  if not found then
    s.plan_timeout_ms := 60000;
    s.plan_hold_micro := 0;
  end if;
  return s;
end $$;

-- What stands for a pair of a job's metadata in lists: a hash is enough, for readers compare the pair.
create function label_of(p_name text, p_value text) returns bigint language sql immutable as $$
  select hashtextextended(length(p_name) || ':' || p_name || p_value, 0)
$$;

-- What a job keeps when it is new: what it was given, and about as much as its rows take.
create function bytes_of_new(p_input bytea, p_metadata jsonb) returns int
language sql immutable as $$
  select octet_length(p_input) + octet_length(p_metadata::text) + 1024
$$;

create function submit_jobs(p_jobs submission[]) returns setof timestamptz language plpgsql as $$
declare v_now timestamptz := clock_timestamp(); v_deadlines int; v_sessions int; v_labeled int;
        v_draws bool; v_full text[];
begin
  perform commit_durably();
  -- Of bytes children are not asked, nor is a null allowance, as by budgets. In one statement: each
  -- more would cost every job.
  select exists (select from unnest(p_jobs) a join budgets b using (tenant_id)
                  where coalesce(a.max_cost_micro, 0) = 0 and coalesce(a.depth, 0) = 0),
         array(select a.tenant_id from unnest(p_jobs) a join quotas q using (tenant_id)
                where q.kind = 'bytes' and q.used >= coalesce(q.most, quota_by_default('bytes'))
                  and a.max_cost_micro is not null and coalesce(a.depth, 0) = 0 limit 1)
    into v_draws, v_full;
  if v_full <> '{}' then perform check_bytes(v_full); end if;
  if v_draws then perform check_budgets(p_jobs); end if;
  insert into jobs (tenant_id, job_id, root_id, parent_id, agent, input, metadata, callback_url,
                    priority, max_steps, allowance_micro, draws, next_position, open_steps,
                    journal_number, bytes, created_at, deadline_at, agent_version, depth, user_id,
                    session_id)
  select tenant_id, job_id, coalesce(root_id, job_id), parent_id, agent, input, metadata,
         callback_url, priority, max_steps, coalesce(max_cost_micro, 0),
         v_draws and coalesce(max_cost_micro, 0) = 0 and coalesce(depth, 0) = 0
         and has_budgets(tenant_id), 1, 1, 1,
         bytes_of_new(input, metadata), v_now,
         v_now + make_interval(secs => deadline_ms / 1000.0), coalesce(agent_version, ''),
         coalesce(depth, 0), coalesce(user_id, ''), coalesce(session_id, '')
    from unnest(p_jobs);
  -- A priority counts as minutes already waited, among the jobs of its tenant: tenants take turns. It
  -- starves nobody, and never brings a job for later before its time.
  insert into steps (tenant_id, job_id, position, round, kind, lane, status, timeout_ms,
                     hold_micro, due_at, ring_at, created_at)
  select tenant_id, job_id, 0, 0, 'plan', 'plan', 'ready', plan_timeout_ms, plan_hold_micro,
         case when d.due > v_now then d.due else d.due - make_interval(mins => priority) end,
         d.due + interval '1 second', v_now
    from unnest(p_jobs),
         lateral (select greatest(v_now, coalesce(run_at, v_now))
                         + make_interval(secs => coalesce(delay_ms, 0) / 1000.0) as due) d;
  insert into journal (tenant_id, job_id, number, type, at, bytes, data)
  select tenant_id, job_id, 1, 'queued', v_now, bytes_of_new(input, metadata),
         convert_to(json_build_object(
           'stage', 'admit', 'component', 'cost', 'agent', agent,
           'cost', json_build_object('allowance_micro', coalesce(max_cost_micro, 0)))::text, 'UTF8')
    from unnest(p_jobs);
  select count(deadline_ms), count(nullif(session_id, '')), count(nullif(metadata, '{}'))
    into v_deadlines, v_sessions, v_labeled from unnest(p_jobs);
  if v_labeled > 0 then
    insert into job_labels (tenant_id, label, at, job_id)
    select tenant_id, label_of(pair.key, pair.value #>> '{}'), v_now, job_id
      from unnest(p_jobs), jsonb_each(metadata) pair where jsonb_typeof(pair.value) = 'string'
    on conflict do nothing;
  end if;
  if v_deadlines > 0 then
    insert into timers (tenant_id, job_id, kind, due_at)
    select tenant_id, job_id, 'deadline', v_now + make_interval(secs => deadline_ms / 1000.0)
      from unnest(p_jobs) where deadline_ms is not null;
  end if;
  if v_sessions > 0 then perform enter_sessions(p_jobs); end if;
  return next v_now;
end $$;

create function has_budgets(p_tenant text) returns boolean language plpgsql stable as $$
begin
  return exists (select from budgets where tenant_id = p_tenant);
end $$;

-- What every budget of a tenant has left; null when it has none.
create function left_in_budgets(p_tenant text) returns bigint language plpgsql stable as $$
begin
  return (select min(limit_micro - spent_micro - reserved_micro) from budgets
           where tenant_id = p_tenant);
end $$;

-- A job without a limit of its own reserves nothing here: it draws what each of its steps may cost
-- when that step is claimed. It is refused where its first step could not be paid for now. A null
-- allowance is not refused: who stored it would lose more than a job.
create function check_budgets(p_jobs submission[]) returns void language plpgsql as $$
declare v_id text;
begin
  select b.budget_id into v_id from unnest(p_jobs) a join budgets b using (tenant_id)
   where a.max_cost_micro = 0 and coalesce(a.depth, 0) = 0
     and b.limit_micro - b.spent_micro - b.reserved_micro < greatest(1, a.plan_hold_micro) limit 1;
  if found then raise exception 'budget % is used up', v_id using errcode = 'AW003'; end if;
end $$;

-- Move an allowance, or more of one, from each budget of its tenant to a job.
create function reserve_allowance(p_tenant text, p_job uuid, p_amount bigint)
returns boolean language plpgsql as $$
declare b budgets;
begin
  for b in select * from budgets where tenant_id = p_tenant order by budget_id for update loop
    -- The limit itself: what one job overran is not the next one's to spend.
    if b.spent_micro + b.reserved_micro + p_amount > b.limit_micro then
      raise exception 'budget % is used up', b.budget_id using errcode = 'AW003';
    end if;
    update budgets set reserved_micro = reserved_micro + p_amount
     where tenant_id = p_tenant and budget_id = b.budget_id;
    insert into reservations as r (tenant_id, budget_id, job_id, amount_micro)
    values (p_tenant, b.budget_id, p_job, p_amount)
    on conflict (tenant_id, budget_id, job_id) do update set amount_micro = r.amount_micro + p_amount;
    -- Told once, by whoever takes the budget over four fifths.
    if (b.spent_micro + b.reserved_micro) * 5 < b.limit_micro * 4
       and (b.spent_micro + b.reserved_micro + p_amount) * 5 >= b.limit_micro * 4 then
      perform announce_event(p_tenant, 'budget.low', b.budget_id, jsonb_build_object(
        'id', b.budget_id, 'object', 'budget', 'budget_id', b.budget_id,
        'limit_micro', b.limit_micro, 'spent_micro', b.spent_micro,
        'reserved_micro', b.reserved_micro + p_amount));
    end if;
  end loop;
  return true;
end $$;

-- Take an idempotency key for whatever the caller's transaction makes: taken, replayed (with what
-- it made before) or reused. A twin waits here until the first has committed.
create function take_key(
  p_tenant text, p_key text, p_fingerprint bytea, p_keep interval, p_id uuid,
  out verdict text, out job_id uuid, out expires_at timestamptz
) language plpgsql set lock_timeout = '1s' as $$
#variable_conflict use_column
declare k idempotency_keys; v_now timestamptz := clock_timestamp();
begin
  insert into idempotency_keys as i (tenant_id, key, fingerprint, job_id, expires_at)
  values (p_tenant, p_key, p_fingerprint, p_id, v_now + p_keep)
  on conflict (tenant_id, key) do update
     set fingerprint = excluded.fingerprint, job_id = excluded.job_id,
         expires_at = excluded.expires_at, created_at = v_now
   where i.expires_at <= v_now
  returning * into k;
  verdict := 'taken';
  if not found then
    select * into k from idempotency_keys where tenant_id = p_tenant and key = p_key;
    verdict := case when k.fingerprint = p_fingerprint then 'replayed' else 'reused' end;
  end if;
  job_id := k.job_id;
  expires_at := k.expires_at;
end $$;

-- One job under an idempotency key, or under none: key row and job row stand or fall together.
create function submit_once(
  p_key text, p_fingerprint bytea, p_keep interval, p_job submission,
  out verdict text, out job_id uuid, out expires_at timestamptz
) language plpgsql set lock_timeout = '1s' as $$
declare k record;
begin
  if p_key is not null then
    k := take_key(p_job.tenant_id, p_key, p_fingerprint, p_keep, p_job.job_id);
    expires_at := k.expires_at;
    if k.verdict <> 'taken' then
      verdict := k.verdict;
      job_id := k.job_id;
      return;
    end if;
  end if;
  if p_job.max_cost_micro > 0 then
    perform reserve_allowance(p_job.tenant_id, p_job.job_id, p_job.max_cost_micro);
  end if;
  perform submit_jobs(array[p_job]);
  verdict := 'created';
  job_id := p_job.job_id;
end $$;
