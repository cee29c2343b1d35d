-- Batches: items wait as rows, and become jobs as others end. Never more than `concurrency` live
-- jobs: the keeper alone raises their number, under the lock of the batch; whoever ends a job only
-- hands its place on, in the same transaction. Who ends a job never waits for a batch.

create type kept_items as (stored int, known int, clashing int[]);

-- A batch that takes items; false when it is there already.
create function open_batch(p_tenant text, p_batch uuid, p_spec jsonb)
returns boolean language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_deadline timestamptz := v_now + make_interval(secs => (p_spec->>'deadline_ms')::bigint / 1000.0);
begin
  insert into batches (tenant_id, batch_id, concurrency, on_error, template, metadata, created_at,
                       deadline_at, look_at)
  values (p_tenant, p_batch, coalesce((p_spec->>'concurrency')::int, 100),
          coalesce(p_spec->>'on_error', 'continue'), coalesce(p_spec->'template', '{}'),
          coalesce(p_spec->'metadata', '{}'), v_now, v_deadline,
          coalesce(v_deadline, 'infinity'))
  on conflict do nothing;
  return found;
end $$;

-- Keep items once per custom_id. `clashing` are the places (from 1) of those whose custom_id is
-- kept already with other content.
create function add_items(
  p_tenant text, p_batch uuid, p_ids text[], p_agents text[], p_inputs bytea[], p_options jsonb[],
  p_most int
) returns kept_items language plpgsql set enable_seqscan = off as $$
declare b batches; r kept_items;
begin
  select * into b from batches where tenant_id = p_tenant and batch_id = p_batch for no key update;
  if not found then raise exception 'no batch' using errcode = 'AWB01'; end if;
  if b.status <> 'open' then
    raise exception 'the batch is %', b.status using errcode = 'AWB02';
  end if;
  insert into batch_items (tenant_id, batch_id, number, custom_id, agent, input, options)
  select p_tenant, p_batch, b.last_number + n, id, agent, input, options
    from unnest(p_ids, p_agents, p_inputs, p_options) with ordinality u(id, agent, input, options, n)
  on conflict do nothing;
  get diagnostics r.stored = row_count;
  r.known := cardinality(p_ids) - r.stored;
  if b.item_count + r.stored > p_most then
    raise exception 'a batch may have at most % items', p_most using errcode = 'AWB03';
  end if;
  if r.known > 0 then
    -- OFFSET 0: one look into the index for each, whatever the planner believes of the table. Compared
    -- as rows, only the index of custom ids fits: to statistics that do not know this batch yet the
    -- primary key looks as good, and each look would read the whole batch.
    select array_agg(u.n::int order by u.n) into r.clashing
      from unnest(p_ids, p_agents, p_inputs, p_options) with ordinality u(id, agent, input, options, n),
           lateral (select agent, input, options from batch_items
                     where (custom_id, tenant_id, batch_id) >= (u.id, p_tenant, p_batch)
                       and (custom_id, tenant_id, batch_id) <= (u.id, p_tenant, p_batch)
                    offset 0) i
     where (i.agent, i.input, i.options) is distinct from (u.agent, u.input, u.options);
    r.known := r.known - coalesce(cardinality(r.clashing), 0);
  end if;
  update batches set item_count = item_count + r.stored,
                     last_number = last_number + cardinality(p_ids),
                     costs = costs or has_budgets(p_tenant)
                             or exists (select from unnest(p_options) o where o ? 'max_cost_micro')
   where tenant_id = p_tenant and batch_id = p_batch;
  return r;
end $$;

-- Turn the next pending items behind a number into jobs; returns those. Rows are written one by
-- one, by their keys: a join would be planned for a table that was small when this was.
create function admit_items(p_tenant text, p_batch uuid, p_behind int, p_most int)
returns uuid[] language plpgsql set enable_seqscan = off as $$
declare
  i record; s submission; v_plain submission; v_job uuid; v_jobs uuid[] := '{}'; v_numbers int[] := '{}';
  v_sessions int := 0; v_left text[] := '{}'; v_moved bigint := 0;
  v_asked submission[] := '{}';
begin
  perform only_count();
  for i in select number, agent, input, options as o from batch_items
            where tenant_id = p_tenant and batch_id = p_batch and status = 'pending'
              and number > p_behind
            order by number limit p_most for update skip locked loop
    -- A session that somebody holds, and the hundred-and-first one, are for the next look; and so is
    -- whatever stands behind an item of the same session that was left for it.
    if i.o ? 'session_id' then
      continue when v_sessions >= 100 or i.o->>'session_id' = any (v_left);
      if exists (select from batch_items
                  where tenant_id = p_tenant and batch_id = p_batch and status = 'pending'
                    and number < i.number and options->>'session_id' = i.o->>'session_id')
         or not try_session(p_tenant, i.o->>'session_id') then
        v_left := v_left || (i.o->>'session_id');
        continue;
      end if;
      v_sessions := v_sessions + 1;
    end if;
    if i.o ? 'max_cost_micro' then
      -- It waits until there is more, as does what stands behind it.
      exit when left_in_budgets(p_tenant) < (i.o->>'max_cost_micro')::bigint;
    end if;
    v_job := gen_random_uuid();
    v_moved := v_moved + octet_length(i.input);
    update batch_items set status = 'running', job_id = v_job, input = ''
     where tenant_id = p_tenant and batch_id = p_batch and number = i.number;
    if i.o ? 'max_cost_micro' then
      perform reserve_allowance(p_tenant, v_job, (i.o->>'max_cost_micro')::bigint);
    end if;
    v_jobs := v_jobs || v_job;
    v_numbers := v_numbers || i.number;
    if v_plain.agent is distinct from i.agent then v_plain := plain_job(p_tenant, i.agent); end if;
    s := jsonb_populate_record(v_plain, i.o);
    s.job_id := v_job;
    s.input := i.input;
    v_asked := v_asked || s;
  end loop;
  if v_jobs = '{}' then return v_jobs; end if;
  perform submit_jobs(v_asked);
  insert into bytes_changes (tenant_id, bytes) values (p_tenant, -v_moved);
  for n in 1..cardinality(v_jobs) loop
    update jobs set batch_id = p_batch, batch_number = v_numbers[n]
     where tenant_id = p_tenant and job_id = v_jobs[n];
  end loop;
  return v_jobs;
end $$;

create function has_items(p_tenant text, p_batch uuid, p_status text) returns boolean
language plpgsql set enable_seqscan = off as $$
begin
  return exists (select from batch_items
                  where tenant_id = p_tenant and batch_id = p_batch and status = p_status);
end $$;

-- A job of a batch has ended (its row says how): its item ends with it, and its place goes to the
-- next item. A batch that needs more than that is left to the keeper.
create function batch_job_ended(j jobs) returns void language plpgsql as $$
declare b batches;
begin
  update batch_items set status = j.status
   where tenant_id = j.tenant_id and batch_id = j.batch_id and number = j.batch_number
     and status = 'running';
  if not found then return; end if;
  select * into b from batches where tenant_id = j.tenant_id and batch_id = j.batch_id;
  if b.status = 'running' and not b.costs
     and not (b.on_error = 'stop' and has_items(j.tenant_id, j.batch_id, 'failed')) then
    if admit_items(j.tenant_id, j.batch_id, j.batch_number, 1) <> '{}' then return; end if;
  end if;
  if has_items(j.tenant_id, j.batch_id, 'pending') then return; end if;
  select * into b from batches where tenant_id = j.tenant_id and batch_id = j.batch_id
     for no key update skip locked;
  if found then perform finish_batch(b); end if;
end $$;

-- End a batch whose row is locked by us, if nothing of it waits or runs; tell of it, once: one type
-- of event, whatever it ended as.
create function finish_batch(b batches) returns boolean language plpgsql as $$
declare v_counts jsonb; v_status text := coalesce(b.stop_as, 'completed');
begin
  if b.finished_at is not null or b.status = 'open' then return false; end if;
  if has_items(b.tenant_id, b.batch_id, 'running') or has_items(b.tenant_id, b.batch_id, 'pending')
  then return false; end if;
  -- The last item's own transaction may see the failure that nobody has noticed yet.
  if b.stop_as is null and b.on_error = 'stop' and has_items(b.tenant_id, b.batch_id, 'failed') then
    v_status := 'failed';
  end if;
  v_counts := batch_counts(b.tenant_id, b.batch_id);
  update batches set status = v_status, finished_at = clock_timestamp(), counts = v_counts
   where tenant_id = b.tenant_id and batch_id = b.batch_id;
  perform announce_event(
    b.tenant_id, 'batch.completed', 'batch_' || replace(b.batch_id::text, '-', ''),
    jsonb_build_object('id', 'batch_' || replace(b.batch_id::text, '-', ''), 'object', 'batch',
                       'status', v_status, 'counts', v_counts, 'metadata', b.metadata,
                       'url', '/v1/batches/batch_' || replace(b.batch_id::text, '-', '')));
  return true;
end $$;

create function batch_counts(p_tenant text, p_batch uuid) returns jsonb language sql stable as $$
  select coalesce(jsonb_object_agg(status, n), '{}') from (
    select status, count(*) as n from batch_items
     where tenant_id = p_tenant and batch_id = p_batch group by status) c
$$;

-- No more items: from here on it runs. Returns the batch's status.
create function start_batch(p_tenant text, p_batch uuid) returns text language plpgsql as $$
declare b batches;
begin
  update batches set status = 'running', started_at = clock_timestamp(),
                     look_at = clock_timestamp()
   where tenant_id = p_tenant and batch_id = p_batch and status = 'open';
  select * into b from batches where tenant_id = p_tenant and batch_id = p_batch;
  return b.status;
end $$;

-- A whole batch in the caller's transaction, say a schedule's: once for each id. The keeper admits
-- its first jobs within a second.
create function create_batch(p_tenant text, p_batch uuid, p_spec jsonb)
returns boolean language plpgsql as $$
begin
  if not open_batch(p_tenant, p_batch, p_spec) then return false; end if;
  perform add_items(
            p_tenant, p_batch, array_agg(item->>'custom_id' order by n),
            array_agg(item->>'agent' order by n),
            array_agg(convert_to((item->'input')::text, 'UTF8') order by n),
            array_agg(coalesce(item->'options', '{}') order by n), 100000)
    from jsonb_array_elements(p_spec->'items') with ordinality i(item, n)
   having count(*) > 0;
  perform start_batch(p_tenant, p_batch);
  return true;
end $$;

-- Stop a batch: what waits never starts, what runs is canceled. Returns its status.
create function cancel_batch(p_tenant text, p_batch uuid, p_reason text)
returns text language plpgsql as $$
declare b batches;
begin
  update batches set status = 'stopping', stop_as = 'canceled', reason = p_reason,
                     look_at = clock_timestamp()
   where tenant_id = p_tenant and batch_id = p_batch and finished_at is null
     and coalesce(stop_as, 'failed') = 'failed';
  select * into b from batches where tenant_id = p_tenant and batch_id = p_batch;
  return b.status;
end $$;
