-- Events in: many jobs under keys of their own in one transaction, and what other people's
-- transactions may call. What those run says by itself where its names are: theirs come first on
-- their own path.

-- Jobs that events started, each under its key; those of keys that were seen before are not stored.
-- The keys are taken in one order, so that two deliveries of the same events never deadlock.
create function submit_many_once(p_keys text[], p_keep interval, p_jobs submission[])
returns table (key text, job_id uuid, created boolean) language plpgsql
set lock_timeout = '3s' as $$
#variable_conflict use_column
declare v_now timestamptz := clock_timestamp(); v_new uuid[]; j submission; v_jobs submission[];
begin
  with taken as (
    insert into idempotency_keys as i (tenant_id, key, fingerprint, job_id, expires_at)
    select a.tenant_id, a.k, sha256(convert_to(a.k, 'UTF8')), a.job_id, v_now + p_keep
      from rows from (unnest(p_keys), unnest(p_jobs)) as a (k, tenant_id, job_id)
     order by a.tenant_id, a.k
    on conflict (tenant_id, key) do update
       set job_id = excluded.job_id, expires_at = excluded.expires_at, created_at = v_now
     where i.expires_at <= v_now
    returning i.job_id
  )
  select coalesce(array_agg(job_id), '{}') into v_new from taken;
  select array_agg(one) into v_jobs from unnest(p_jobs) as one
    join unnest(v_new) as n (id) on n.id = one.job_id;
  if v_jobs is not null then
    foreach j in array v_jobs loop
      if j.max_cost_micro > 0 then
        perform reserve_allowance(j.tenant_id, j.job_id, j.max_cost_micro);
      end if;
    end loop;
    perform submit_jobs(v_jobs);
  end if;
  return query
    select i.key, i.job_id, n.id is not null
      from rows from (unnest(p_keys), unnest(p_jobs)) as a (k, tenant_id)
      join idempotency_keys i on i.tenant_id = a.tenant_id and i.key = a.k
      left join unnest(v_new) as n (id) on n.id = i.job_id;
end $$;

-- A version 7 UUID: ids made later sort later, which keeps indexes dense.
create function agent_workers.new_job_id() returns uuid language sql volatile
set search_path = pg_catalog, agent_workers, pg_temp as $$
  select (left(h, 12) || '7' || substr(h, 14))::uuid
    from (select lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
                 || substr(replace(gen_random_uuid()::text, '-', ''), 13) as h) t
$$;

-- Store a job for who calls from a transaction of their own. No allowance: a budget's row would stay
-- locked until that transaction ends. A budget that is used up does not end it either: the job is
-- paused before its first step.
create function agent_workers.store(
  p_tenant text, p_agent text, p_input jsonb, p_key text, p_fingerprint bytea, p_priority int,
  p_run_at timestamptz, p_metadata jsonb, p_max_steps int, out verdict text, out id uuid
) language plpgsql set search_path = pg_catalog, agent_workers, pg_temp as $$
declare a agents; s submission; v_id uuid := agent_workers.new_job_id();
begin
  select * into a from agents where tenant_id in (p_tenant, '*') and name = p_agent
   order by tenant_id = '*' limit 1;
  if not found then
    raise exception 'no worker has registered an agent %', quote_nullable(p_agent)
      using errcode = 'AW006';
  end if;
  if a.retired_at is not null then
    raise exception 'agent % was retired: it takes no new jobs', quote_literal(p_agent)
      using errcode = 'AW006', hint = 'run `agent-workers agents restore ' || p_agent || '`';
  end if;
  if coalesce(jsonb_typeof(p_input), '') not in ('string', 'object')
     or octet_length(p_input::text) > 1048576
     or jsonb_typeof(coalesce(p_metadata, '{}')) <> 'object' then
    raise exception 'the input of a job must be a string or an object of at most 1 MiB, and its metadata an object'
      using errcode = 'AW007';
  end if;
  s := plain_job(p_tenant, p_agent);
  s.job_id := v_id;
  s.input := convert_to(p_input::text, 'UTF8');
  s.metadata := coalesce(p_metadata, s.metadata);
  s.priority := coalesce(p_priority, s.priority);
  s.max_steps := coalesce(p_max_steps, s.max_steps);
  s.run_at := p_run_at;
  select o.verdict, o.job_id into store.verdict, store.id
    from submit_once(p_key, p_fingerprint, interval '30 days', s) o;
  if store.verdict = 'created' then
    -- Nobody rings after the commit, so the keeper need not wait for somebody who might.
    update steps set ring_at = ring_at - interval '1 second'
     where tenant_id = p_tenant and job_id = v_id;
  end if;
end $$;

-- Submit a job in the caller's own transaction: it exists exactly if that transaction commits.
-- No message is sent; the keeper of any worker rings as soon as it sees the row. It runs with our
-- rights, so only who has been granted EXECUTE may call it.
create function agent_workers.enqueue(
  agent text, input jsonb, key text default null, tenant text default 'default',
  priority int default 0, run_at timestamptz default null, metadata jsonb default '{}',
  max_steps int default 1000
) returns text language plpgsql security definer
set search_path = pg_catalog, agent_workers, pg_temp as $$
declare v record;
begin
  select * into v from agent_workers.store(
    tenant, agent, input, 'enqueue ' || key,
    sha256(convert_to(agent || ' ' || input::text, 'UTF8')), priority, run_at, metadata,
    max_steps);
  if v.verdict = 'reused' then
    raise exception 'key % was used before with another agent or input', quote_literal(key)
      using errcode = 'AW008';
  end if;
  return 'job_' || replace(v.id::text, '-', '');
end $$;

-- What `agent-workers triggers watch-table` puts on a table: a job for each row that is written, or
-- for each new value of the key columns. Its arguments: agent, tenant, and these columns (JSON).
create function agent_workers.watch_row() returns trigger
language plpgsql security definer
set search_path = pg_catalog, agent_workers, pg_temp as $$
declare v_row jsonb; v_key text; v_table text := tg_table_schema || '.' || tg_table_name;
begin
  -- Whoever writes a row need not know that we take no jobs of this agent any more.
  if (select retired_at is not null from agents where tenant_id in (tg_argv[1], '*')
         and name = tg_argv[0] order by tenant_id = '*' limit 1) then
    raise warning 'no job for a row of %: agent % was retired', v_table, quote_literal(tg_argv[0]);
    return null;
  end if;
  -- A cast to json would run with our rights when the row is read, and whoever owns a type can make
  -- one. Those of superusers (extensions) are trusted.
  perform from pg_cast c join pg_proc p on p.oid = c.castfunc join pg_roles r on r.oid = p.proowner
    where c.casttarget = 'json'::regtype and not r.rolsuper and r.rolname <> current_user;
  if found then
    raise exception 'table % is watched, but the database has a cast to json that is not a superuser''s',
      v_table using errcode = 'AW009', hint = 'Drop the cast, or let a superuser own its function.';
  end if;
  v_row := case tg_op when 'DELETE' then null else to_jsonb(new) end;
  if tg_nargs > 2 then
    select 'watch ' || tg_name || ' ' || v_table || ' '
           || string_agg((coalesce(v_row, to_jsonb(old)) -> c)::text, ' ' order by n) into v_key
      from jsonb_array_elements_text(tg_argv[2]::jsonb) with ordinality as t (c, n);
  end if;
  perform agent_workers.store(
    tg_argv[1], tg_argv[0],
    jsonb_build_object('table', v_table, 'operation', lower(tg_op), 'row', v_row,
                       'old', case tg_op when 'INSERT' then null else to_jsonb(old) end),
    v_key, sha256(convert_to(v_key, 'UTF8')), 0, null, jsonb_build_object('table', v_table), 1000);
  return null;
end $$;

revoke all on function agent_workers.new_job_id, agent_workers.store, agent_workers.enqueue,
  agent_workers.watch_row from public;

-- Delete dead letters of each tenant beyond so many, and so many bytes, in each state: the oldest.
create function forget_dead_letters(p_limit int, p_most int, p_bytes bigint) returns int
language plpgsql set enable_seqscan = off as $$
declare v_tenant text := ''; v_state text; v_gone int; v_all int := 0;
begin
  loop
    select min(tenant_id) into v_tenant from dead_letters where tenant_id > v_tenant;
    exit when v_tenant is null or v_all >= p_limit;
    foreach v_state in array '{dead,replayed,discarded}'::text[] loop
      delete from dead_letters d using (
        select letter_id from (
          select letter_id, created_at, row_number() over newest as n,
                 sum(octet_length(body)) over newest as bytes
            from dead_letters where tenant_id = v_tenant and state = v_state
          window newest as (order by created_at desc, letter_id desc)) k
         where n > p_most or bytes > p_bytes order by created_at limit p_limit - v_all) much
       where d.tenant_id = v_tenant and d.letter_id = much.letter_id;
      get diagnostics v_gone = row_count;
      v_all := v_all + v_gone;
    end loop;
  end loop;
  return v_all;
end $$;
