-- The schema after all migrations. `make schema` writes this file with pg_dump, and a test compares
-- it with a migrated database. Read it, and change it by a migration: CONTRIBUTING.md says how.

CREATE SCHEMA agent_workers;

CREATE TYPE agent_workers.asked_permit AS (
	result text,
	state text,
	effect_result bytea,
	request bytea,
	cls text,
	first_granted_at timestamp with time zone,
	quiet_after timestamp with time zone,
	attempt integer,
	says text,
	source text,
	now timestamp with time zone,
	refusals integer,
	failed_looks integer,
	failed_looks_for_good integer,
	reason text
);

CREATE TYPE agent_workers.claimed_delivery AS (
	tenant_id text,
	delivery_id uuid,
	fence integer,
	tries integer,
	endpoint_id uuid,
	url text,
	payload text,
	secret_version integer,
	old_secret boolean,
	event_id uuid,
	event_type text,
	subject text,
	event_at timestamp with time zone,
	data jsonb,
	detail bytea,
	output bytea,
	unsure boolean
);

CREATE TYPE agent_workers.claimed_step AS (
	tenant_id text,
	job_id uuid,
	"position" integer,
	round integer,
	kind text,
	lane text,
	fence integer,
	tries integer,
	tool text,
	call_id text,
	arguments bytea,
	effect text,
	timeout_ms integer,
	hold_micro bigint,
	root_id uuid,
	agent text,
	input bytea,
	max_steps integer,
	next_position integer,
	lease_until timestamp with time zone,
	more boolean,
	agent_version text,
	depth integer,
	course text,
	left_micro bigint,
	deadline_ms bigint,
	user_id text,
	session_id text
);

CREATE TYPE agent_workers.kept_items AS (
	stored integer,
	known integer,
	clashing integer[]
);

CREATE TYPE agent_workers.next_step AS (
	kind text,
	lane text,
	round integer,
	tool text,
	call_id text,
	arguments text,
	effect text,
	timeout_ms integer,
	hold_micro bigint
);

CREATE TYPE agent_workers.recorded AS (
	result text,
	status text,
	open_steps integer,
	first_position integer,
	carried integer,
	code text
);

CREATE TYPE agent_workers.ring AS (
	tenant_id text,
	job_id uuid,
	"position" integer,
	kind text,
	lane text,
	high boolean,
	rings integer
);

CREATE TYPE agent_workers.submission AS (
	tenant_id text,
	job_id uuid,
	root_id uuid,
	parent_id uuid,
	agent text,
	input bytea,
	metadata jsonb,
	callback_url text,
	max_cost_micro bigint,
	plan_timeout_ms integer,
	plan_hold_micro bigint,
	run_at timestamp with time zone,
	delay_ms bigint,
	deadline_ms bigint,
	agent_version text,
	depth integer,
	on_busy text,
	session_ttl_s integer,
	priority integer,
	max_steps integer,
	user_id text,
	session_id text
);

CREATE TYPE agent_workers.run_target AS (
	key text,
	fingerprint bytea,
	keep interval,
	job agent_workers.submission,
	batch_id uuid,
	batch jsonb
);

CREATE TYPE agent_workers.seen AS (
	at timestamp with time zone,
	writing text[],
	passed bigint,
	ring_at timestamp with time zone,
	lease_until timestamp with time zone,
	timer_at timestamp with time zone,
	batch_at timestamp with time zone,
	session_at timestamp with time zone,
	lost boolean,
	neighbours json,
	holds boolean,
	passed_for_holds bigint,
	breakers boolean,
	mcp_versions bigint[],
	mcp_due boolean
);

CREATE TYPE agent_workers.step_record AS (
	tenant_id text,
	job_id uuid,
	"position" integer,
	fence integer,
	type text,
	outcome bytea,
	entry bytea,
	workflow text,
	degraded text,
	error bytea,
	hold_micro bigint,
	cost_micro bigint,
	input_tokens bigint,
	cached_tokens bigint,
	output_tokens bigint,
	follow text,
	final bytea,
	steps json,
	course text,
	most_bytes bigint,
	worker_id uuid,
	task_id text,
	carry text[]
);

CREATE TYPE agent_workers.taken_evidence AS (
	job_id uuid,
	"position" integer,
	contradicts boolean,
	rings boolean
);

CREATE FUNCTION agent_workers.add_evidence(p_tenant text, p_key uuid, p_attempt integer, p_says text, p_source text, p_result bytea, p_hash bytea, p_by text, p_reason text, p_for_good boolean DEFAULT false) RETURNS agent_workers.taken_evidence
    LANGUAGE plpgsql
    AS $$
declare j jobs; e effects; p permits; t taken_evidence; v_first boolean;
begin
  perform hold_briefly();
  select * into e from effects where tenant_id = p_tenant and effect_key = p_key;
  select * into j from jobs where tenant_id = p_tenant and job_id = e.job_id for no key update;
  select * into e from effects where tenant_id = p_tenant and effect_key = p_key for update;
  if p_source in ('lookup', 'assumed') then
    -- Who looks sees the effect, not the attempt: it speaks for the newest that is still open.
    select coalesce(max(attempt), p_attempt) into p_attempt from permits
     where tenant_id = p_tenant and effect_key = p_key and attempt <= p_attempt
       and (says is null or says = 'unknown');
  end if;
  select * into p from permits
   where tenant_id = p_tenant and effect_key = p_key and attempt = p_attempt for update;
  v_first := p.says is null or p.says = 'unknown';
  t := (e.job_id, e.position, false, false);
  t.contradicts := case p_says
    when 'happened' then coalesce(p.says in ('absent', 'not_executed'), false)
                         or e.state = 'abandoned'
                         or (e.state = 'done' and e.cls <> 'keyed' and p_source = 'reply'
                             and v_first)
    when 'unknown' then false
    else coalesce(p.says = 'happened', false) end;
  insert into evidence (tenant_id, effect_key, number, attempt, says, source, result_hash, result,
                        given_by, reason, contradicts)
  select p_tenant, p_key, 1 + count(*), p_attempt, p_says, p_source, p_hash, p_result, p_by,
         p_reason, t.contradicts
    from evidence where tenant_id = p_tenant and effect_key = p_key;
  if v_first then
    update permits set says = p_says, source = p_source, checked_at = clock_timestamp(),
                       refused_for_good = p_for_good
     where tenant_id = p_tenant and effect_key = p_key and attempt = p_attempt;
  end if;
  if p_says = 'happened' and e.state <> 'done' then
    update effects set state = 'done', result = coalesce(p_result, 'null'),
                       doubt_reason = null, doubted_at = null
     where tenant_id = p_tenant and effect_key = p_key;
  end if;
  t.rings := p_says <> 'unknown' and end_doubt(j, e, p_says, p_source, t.contradicts);
  return t;
end $$;

CREATE FUNCTION agent_workers.add_items(p_tenant text, p_batch uuid, p_ids text[], p_agents text[], p_inputs bytea[], p_options jsonb[], p_most integer) RETURNS agent_workers.kept_items
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
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

CREATE FUNCTION agent_workers.add_message(p_tenant text, p_session text, p_user text, p_ttl_s integer, p_id uuid, p_role text, p_content bytea, p_calls bytea, p_call_id text) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare s sessions; v_now timestamptz := clock_timestamp();
begin
  perform check_bytes(array[p_tenant]);
  perform lock_session(p_tenant, p_session);
  s := open_session(p_tenant, p_session, p_user, p_ttl_s);
  if p_user is not null and s.user_id <> p_user then
    raise exception 'session % belongs to another user', quote_literal(p_session)
      using errcode = 'AWS02';
  end if;
  update sessions set last_turn = last_turn + 1, used_at = v_now
   where tenant_id = p_tenant and session_id = p_session returning * into s;
  insert into session_messages (tenant_id, session_id, turn, part, message_id, role, content,
                                calls, call_id, at)
  values (p_tenant, p_session, s.last_turn, 0, p_id, p_role, p_content, p_calls, p_call_id, v_now);
  perform pass_turn(p_tenant, p_session);
  return s.last_turn;
end $$;

CREATE FUNCTION agent_workers.admit_items(p_tenant text, p_batch uuid, p_behind integer, p_most integer) RETURNS uuid[]
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
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

CREATE FUNCTION agent_workers.ago(p_at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
  select case when s < 120 then s || ' s' when s < 7200 then s / 60 || ' min'
              when s < 172800 then s / 3600 || ' h' else s / 86400 || ' days' end || ' ago'
    from (select greatest(0, extract(epoch from clock_timestamp() - p_at))::bigint as s) seconds
$$;

CREATE FUNCTION agent_workers.announce(p_tenant text, p_job uuid, p_type text, p_data bytea) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare j jobs;
begin
  if not has_endpoints(p_tenant) then return; end if;
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job;
  perform announce_job(j, p_type, p_data, null);
end $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: jobs; Type: TABLE; Schema: agent_workers; Owner: -
--

CREATE TABLE agent_workers.jobs (
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    root_id uuid NOT NULL,
    parent_id uuid,
    agent text NOT NULL,
    agent_version text DEFAULT ''::text NOT NULL,
    depth smallint DEFAULT 0 NOT NULL,
    workflow text DEFAULT ''::text NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    status_detail text,
    input bytea NOT NULL,
    output bytea,
    error bytea,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    callback_url text,
    priority smallint DEFAULT 0 NOT NULL,
    max_steps integer NOT NULL,
    next_position integer DEFAULT 0 NOT NULL,
    open_steps integer DEFAULT 0 NOT NULL,
    journal_number integer DEFAULT 0 NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL,
    allowance_micro bigint DEFAULT 0 NOT NULL,
    draws boolean DEFAULT false NOT NULL,
    held_micro bigint DEFAULT 0 NOT NULL,
    spent_micro bigint DEFAULT 0 NOT NULL,
    input_tokens bigint DEFAULT 0 NOT NULL,
    cached_tokens bigint DEFAULT 0 NOT NULL,
    output_tokens bigint DEFAULT 0 NOT NULL,
    tool_calls integer DEFAULT 0 NOT NULL,
    course text DEFAULT ''::text NOT NULL,
    degraded jsonb DEFAULT '[]'::jsonb NOT NULL,
    cancel_reason text,
    stop_error bytea,
    pause_requested boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    deadline_at timestamp with time zone,
    batch_id uuid,
    batch_number integer,
    schedule_id uuid,
    user_id text DEFAULT ''::text NOT NULL,
    session_id text DEFAULT ''::text NOT NULL
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');

CREATE FUNCTION agent_workers.announce_end(j agent_workers.jobs) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  perform announce_job(j, 'job.' || j.status, j.error, j.callback_url);
end $$;

CREATE FUNCTION agent_workers.announce_event(p_tenant text, p_type text, p_subject text, p_data jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  if not has_endpoints(p_tenant) then return; end if;
  perform write_event(p_tenant, p_type, p_subject, null, p_data, null, null);
end $$;

CREATE FUNCTION agent_workers.announce_job(j agent_workers.jobs, p_type text, p_detail bytea, p_callback text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  perform write_event(
    j.tenant_id, p_type, j.job_id::text, j.job_id,
    jsonb_build_object('agent', j.agent, 'status', j.status, 'metadata', j.metadata,
                       'sequence', j.journal_number, 'parent_job_id', j.parent_id,
                       'degraded', j.degraded),
    p_detail, p_callback);
end $$;

CREATE FUNCTION agent_workers.announce_skip(p_tenant text, p_schedule uuid, p_fire_at timestamp with time zone, p_until timestamp with time zone, p_reason text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  perform announce_event(
    p_tenant, 'schedule.skipped', schedule_name(p_schedule),
    jsonb_build_object('id', schedule_name(p_schedule), 'object', 'schedule',
                       'scheduled_at', p_fire_at, 'skipped_until', p_until,
                       'skip_reason', p_reason,
                       'url', '/v1/schedules/' || schedule_name(p_schedule)));
end $$;

CREATE FUNCTION agent_workers.answer_questions(p_tenant text, p_job uuid, p_keys text[], p_answers bytea[], p_by text) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
declare j jobs; w waits; s steps; i int; v_choices jsonb;
begin
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  if not found then raise exception 'there is no job job_%', replace(p_job::text, '-', '') using errcode = 'AWM01'; end if;
  for i in 1..cardinality(p_keys) loop
    select * into w from waits where tenant_id = p_tenant and job_id = p_job and kind = 'person'
       and key = p_keys[i] order by position desc limit 1;
    if not found then
      raise exception 'there is no question %', quote_literal(p_keys[i]) using errcode = 'AWM02';
    end if;
    if w.answer = p_answers[i] then continue; end if;
    if w.answer is not null then
      raise exception 'question % already has another answer', quote_literal(w.key)
        using errcode = 'AWM03';
    end if;
    select * into s from steps where tenant_id = p_tenant and job_id = p_job
       and position = w.position for update;
    if j.finished_at is not null then
      raise exception 'the job is % and no longer waits for an answer', j.status using errcode = 'AWM04';
    end if;
    if s.status not in ('ready', 'paused') or w.expires_at <= clock_timestamp() then
      raise exception 'question % was open until %', quote_literal(w.key),
        to_char(w.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') using errcode = 'AWM05';
    end if;
    v_choices := convert_from(w.prompt, 'UTF8')::jsonb -> 'choices';
    if jsonb_array_length(coalesce(v_choices, '[]')) > 0
       and not v_choices @> jsonb_build_array(convert_from(p_answers[i], 'UTF8')::jsonb) then
      raise exception 'the answer to % must be one of %', quote_literal(w.key), v_choices
        using errcode = 'AWM06', detail = w.key;
    end if;
    return query select * from unnest(answer_wait(s, p_answers[i]));
    update jobs set status = case when status = 'waiting' then 'running' else status end
     where tenant_id = p_tenant and job_id = p_job;
    perform note(p_tenant, p_job, 'answered', convert_to(json_build_object(
      'position', w.position, 'key', w.key, 'by', p_by)::text, 'UTF8'));
  end loop;
end $$;

CREATE TABLE agent_workers.steps (
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    "position" integer NOT NULL,
    round integer NOT NULL,
    kind text NOT NULL,
    lane text NOT NULL,
    status text NOT NULL,
    tool text DEFAULT ''::text NOT NULL,
    call_id text DEFAULT ''::text NOT NULL,
    arguments bytea,
    effect text DEFAULT 'pure'::text NOT NULL,
    timeout_ms integer NOT NULL,
    hold_micro bigint DEFAULT 0 NOT NULL,
    called_micro bigint DEFAULT 0 NOT NULL,
    fence integer DEFAULT 0 NOT NULL,
    tries smallint DEFAULT 0 NOT NULL,
    deaths smallint DEFAULT 0 NOT NULL,
    rings smallint DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ring_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    lease_until timestamp with time zone,
    claimed_by uuid,
    task_id text,
    outcome_type text,
    outcome bytea,
    last_error text,
    error bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    claimed_at timestamp with time zone,
    done_at timestamp with time zone
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.1');

CREATE FUNCTION agent_workers.answer_wait(s agent_workers.steps, p_answer bytea) RETURNS agent_workers.ring[]
    LANGUAGE plpgsql
    AS $$
declare v_now timestamptz := clock_timestamp();
begin
  update waits set answer = p_answer, answered_at = v_now
   where tenant_id = s.tenant_id and job_id = s.job_id and position = s.position;
  update steps set due_at = v_now, ring_at = v_now + interval '1 second', rings = 0
   where tenant_id = s.tenant_id and job_id = s.job_id and position = s.position;
  return case when s.status = 'ready'
              then array[(s.tenant_id, s.job_id, s.position, s.kind, s.lane, true, 0)::ring]
              else '{}'::ring[] end;
end $$;

CREATE FUNCTION agent_workers.ask_permit(p_tenant text, p_job uuid, p_position integer, p_fence integer, p_ordinal integer, p_key uuid, p_tool text, p_cls text, p_request bytea, p_hash bytea) RETURNS agent_workers.asked_permit
    LANGUAGE plpgsql
    AS $$
declare j jobs; e effects; p permits; a asked_permit;
begin
  perform hold_briefly();
  a.now := clock_timestamp();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  perform 1 from steps where tenant_id = p_tenant and job_id = p_job and position = p_position
     and fence = p_fence and coalesce(status, '') = 'claimed' for update;
  if not found then a.result := 'fenced'; return a; end if;
  a.result := case when j.status = 'canceling' or j.pause_requested
                        or j.deadline_at <= a.now then 'stopping' else 'ok' end;
  insert into effects (tenant_id, effect_key, root_id, job_id, position, ordinal, tool, cls,
                       request, request_hash)
  values (p_tenant, p_key, j.root_id, p_job, p_position, p_ordinal, p_tool, p_cls,
          p_request, p_hash) on conflict do nothing;
  select * into e from effects where tenant_id = p_tenant and effect_key = p_key for update;
  if e.request_hash <> p_hash or e.tool <> p_tool then
    raise exception 'effect % was recorded before with a different request', p_key using errcode = 'AW005';
  end if;
  if e.job_id <> p_job then
    -- A retried job keeps its root's effects: what becomes of them is told to who asks last.
    update effects set job_id = p_job where tenant_id = p_tenant and effect_key = p_key;
  end if;
  select * into p from permits where tenant_id = p_tenant and effect_key = p_key
   order by attempt desc limit 1;
  a.state := e.state; a.effect_result := e.result; a.cls := e.cls;
  -- Not what the asker has: a long reply to one that freezes meanwhile would hold these locks.
  a.request := case when e.request <> p_request then e.request end;
  a.first_granted_at := e.first_granted_at;
  a.failed_looks := e.failed_looks; a.failed_looks_for_good := e.failed_looks_for_good;
  a.attempt := p.attempt; a.says := p.says; a.source := p.source;
  if p.says in ('unknown', 'not_executed') then
    select reason into a.reason from evidence where tenant_id = p_tenant and effect_key = p_key
       and attempt = p.attempt order by number desc limit 1;
  end if;
  select max(quiet_of(permits))
           filter (where says is null or says = 'unknown'),
         count(*) filter (where refused_for_good)
    into a.quiet_after, a.refusals from permits
   where tenant_id = p_tenant and effect_key = p_key;
  if j.status = 'canceling' and a.quiet_after is not null and e.state = 'intended'
     and e.cls <> 'unsafe' then
    a.result := 'settling';
  end if;
  return a;
end $$;

CREATE FUNCTION agent_workers.backfill_runs(p_tenant text, p_schedule uuid, p_ticks timestamp with time zone[]) RETURNS integer
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.batch_counts(p_tenant text, p_batch uuid) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
  select coalesce(jsonb_object_agg(status, n), '{}') from (
    select status, count(*) as n from batch_items
     where tenant_id = p_tenant and batch_id = p_batch group by status) c
$$;

CREATE FUNCTION agent_workers.batch_job_ended(j agent_workers.jobs) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.begin_call(p_tenant text, p_job uuid, p_position integer, p_fence integer, p_worst bigint) RETURNS text
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.bytes_of_new(p_input bytea, p_metadata jsonb) RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$
  select octet_length(p_input) + octet_length(p_metadata::text) + 1024
$$;

CREATE FUNCTION agent_workers.callback_target(p_tenant text, p_url text) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    AS $$
  select md5(p_tenant || ' ' || coalesce(substring(p_url from '^[^:]*://[^/?#]*'), p_url))::uuid
$$;

CREATE FUNCTION agent_workers.came_late(j agent_workers.jobs) RETURNS agent_workers.recorded
    LANGUAGE sql IMMUTABLE
    AS $$
  select case when j.finished_at is null then 'fenced' else 'ended' end, j.status, null::int,
         null::int, null::int, null::text
$$;

CREATE FUNCTION agent_workers.cancel_batch(p_tenant text, p_batch uuid, p_reason text) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare b batches;
begin
  update batches set status = 'stopping', stop_as = 'canceled', reason = p_reason,
                     look_at = clock_timestamp()
   where tenant_id = p_tenant and batch_id = p_batch and finished_at is null
     and coalesce(stop_as, 'failed') = 'failed';
  select * into b from batches where tenant_id = p_tenant and batch_id = p_batch;
  return b.status;
end $$;

CREATE FUNCTION agent_workers.carve_allowance(j agent_workers.jobs, p_asked bigint, p_reserve bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE
    AS $$
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

CREATE FUNCTION agent_workers.check_budgets(p_jobs agent_workers.submission[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare v_id text;
begin
  select b.budget_id into v_id from unnest(p_jobs) a join budgets b using (tenant_id)
   where a.max_cost_micro = 0 and coalesce(a.depth, 0) = 0
     and b.limit_micro - b.spent_micro - b.reserved_micro < greatest(1, a.plan_hold_micro) limit 1;
  if found then raise exception 'budget % is used up', v_id using errcode = 'AW003'; end if;
end $$;

CREATE FUNCTION agent_workers.check_bytes(p_tenants text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare q quotas;
begin
  select * into q from quotas
   where tenant_id = any (p_tenants) and kind = 'bytes'
     and used >= coalesce(most, quota_by_default('bytes')) limit 1;
  if found and coalesce(current_setting('agent_workers.only_counts', true), '') <> 'on' then
    raise exception 'this tenant has reached its storage quota: %',
      replace(replace(pg_size_pretty(coalesce(q.most, quota_by_default('bytes'))), 'k', 'K'), 'B', 'iB')
      using errcode = 'AW031', detail = q.tenant_id;
  end if;
end $$;

CREATE FUNCTION agent_workers.child_ended(j agent_workers.jobs) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.claim_deliveries(p_limit integer, p_unsure integer, p_busy jsonb, p_each integer, p_lease interval, p_after text, p_from uuid, p_visits integer) RETURNS SETOF agent_workers.claimed_delivery
    LANGUAGE plpgsql
    AS $$
declare
  v_tenant text; v_behind boolean; v_wrapped boolean; v_held int; v_held_unsure int;
  v_limit int := p_limit; v_unsure int := p_unsure; v_busy jsonb := p_busy; c claimed_delivery;
begin
  perform free_deliveries(p_limit);
  foreach v_behind in array array[false, true] loop
    v_tenant := p_after;
    v_wrapped := false;
    while v_limit > 0 loop
      v_tenant := next_tenant(v_behind, v_tenant);
      if v_tenant is null then
        exit when v_wrapped;
        v_wrapped := true;
        v_tenant := '';
        continue;
      end if;
      exit when v_wrapped and v_tenant > p_after;
      v_held := coalesce((v_busy #>> array[v_tenant, '0'])::int, 0);
      v_held_unsure := coalesce((v_busy #>> array[v_tenant, '1'])::int, 0);
      for c in select * from claim_of_tenant(
                 v_tenant, v_behind, room_of(v_held, v_limit, 1.0 / 3),
                 room_of(v_held_unsure, v_unsure, 3), p_each, p_lease, p_from, p_visits) loop
        v_limit := v_limit - 1;
        v_held := v_held + 1;
        v_unsure := v_unsure - c.unsure::int;
        v_held_unsure := v_held_unsure + c.unsure::int;
        return next c;
      end loop;
      v_busy := v_busy || jsonb_build_object(v_tenant, jsonb_build_array(v_held, v_held_unsure));
    end loop;
  end loop;
end $$;

CREATE FUNCTION agent_workers.claim_next(p_lanes text[], p_worker uuid, p_task text, p_look_further boolean, p_barred text[] DEFAULT '{}'::text[]) RETURNS SETOF agent_workers.claimed_step
    LANGUAGE plpgsql
    AS $$
declare v_turn text := take_turn(p_lanes, p_barred); c claimed_step;
begin
  -- Where some are barred, whoever has waited for a moment is on the list, and others are rung for.
  if v_turn is null and p_barred <> '{}' then return; end if;
  c := claim_oldest(v_turn, p_lanes, p_worker, p_task, p_barred);
  if c.fence is null then return; end if;
  if p_look_further then c.more := is_more_due(p_lanes); end if;
  return next c;
end $$;

CREATE FUNCTION agent_workers.claim_nudged(p_tenant text, p_job uuid, p_position integer, p_lanes text[], p_worker uuid, p_task text, p_look_further boolean, p_barred text[] DEFAULT '{}'::text[]) RETURNS SETOF agent_workers.claimed_step
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.claim_of(p_tenant text, p_target uuid, p_fresh boolean, p_limit integer, p_unsure integer, p_each integer, p_lease interval) RETURNS SETOF agent_workers.claimed_delivery
    LANGUAGE plpgsql
    AS $$
declare t webhook_targets; v_unsure boolean;
begin
  select * into t from webhook_targets where tenant_id = p_tenant and target_id = p_target;
  v_unsure := coalesce(t.failures > 0, true);
  if v_unsure and p_fresh then perform put_behind(p_tenant, p_target); end if;
  if t.paused_until > clock_timestamp() then
    perform put_off(p_tenant, p_target, t.paused_until);
    return;
  end if;
  if v_unsure and p_unsure <= 0 then return; end if;
  return query select * from claim_target(p_tenant, p_target, v_unsure, p_limit, p_each, p_lease);
end $$;

CREATE FUNCTION agent_workers.claim_of_tenant(p_tenant text, p_behind boolean, p_limit integer, p_unsure integer, p_each integer, p_lease interval, p_from uuid, p_visits integer) RETURNS SETOF agent_workers.claimed_delivery
    LANGUAGE plpgsql
    AS $$
declare v_target uuid; v_got int := 0; v_unsure int := 0; c claimed_delivery;
begin
  if p_limit <= 0 then return; end if;
  for v_target in select * from due_fresh(p_tenant, p_from, p_visits) where not p_behind
                  union all
                  select * from due_behind(p_tenant, p_from, p_visits) where p_behind loop
    exit when v_got >= p_limit;
    for c in select * from claim_of(p_tenant, v_target, not p_behind, p_limit - v_got,
                                    p_unsure - v_unsure, p_each, p_lease) loop
      v_got := v_got + 1;
      v_unsure := v_unsure + c.unsure::int;
      return next c;
    end loop;
  end loop;
end $$;

CREATE FUNCTION agent_workers.claim_oldest(p_turn text, p_lanes text[], p_worker uuid, p_task text, p_barred text[] DEFAULT '{}'::text[]) RETURNS agent_workers.claimed_step
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_sort TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION agent_workers.claim_step(p_tenant text, p_job uuid, p_position integer, p_worker uuid, p_task text) RETURNS SETOF agent_workers.claimed_step
    LANGUAGE plpgsql
    AS $$
declare j jobs; c claimed_step;
begin
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  if not found or not is_claimable(j, clock_timestamp()) then return; end if;
  c := take_step(j, p_position, p_worker, p_task);
  if c.fence is not null then return next c; end if;
end $$;

CREATE FUNCTION agent_workers.claim_target(p_tenant text, p_target uuid, p_unsure boolean, p_limit integer, p_each integer, p_lease interval) RETURNS SETOF agent_workers.claimed_delivery
    LANGUAGE plpgsql
    AS $$
declare
  d webhook_deliveries; c claimed_delivery; v_free int; v_now timestamptz := clock_timestamp();
begin
  -- Two claims of one target at the same time would both count the same free places.
  if not pg_try_advisory_xact_lock(hashtextextended('webhook ' || p_target, 0)) then return; end if;
  select case when p_unsure then 1 else p_each end - count(*) into v_free
    from webhook_deliveries
   where tenant_id = p_tenant and target_id = p_target and status = 'sending';
  for d in select * from webhook_deliveries
            where tenant_id = p_tenant and target_id = p_target and status = 'pending'
              and due_at <= v_now
            order by due_at limit greatest(0, least(v_free, p_limit)) for update skip locked loop
    c := take_delivery(d, p_lease);
    c.unsure := p_unsure;
    if c.fence is not null then return next c; end if;
  end loop;
end $$;

CREATE FUNCTION agent_workers.clear_session(p_tenant text, p_session text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
begin
  perform lock_session(p_tenant, p_session);
  delete from session_messages where tenant_id = p_tenant and session_id = p_session;
  update sessions set summary = null, summed_to = 0, version = gen_random_uuid()
   where tenant_id = p_tenant and session_id = p_session;
  if not found then return false; end if;
  delete from sessions where tenant_id = p_tenant and session_id = p_session and not exists (
    select from session_turns where tenant_id = p_tenant and session_id = p_session
       and state <> 'over');
  return true;
end $$;

CREATE FUNCTION agent_workers.commit_durably() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  if current_setting('synchronous_commit') in ('off', 'local') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
end $$;

CREATE FUNCTION agent_workers.count_bytes(p_most integer, p_pause interval) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'agent_workers', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_from bigint; v_to bigint; v_rows int;
  v_horizon bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
begin
  select xact into v_from from bytes_counted where at <= clock_timestamp() - p_pause
     for update skip locked;
  if not found then return false; end if;
  if v_from >= v_horizon then
    -- Restored into a younger server: what another one wrote becomes older than all of ours, as when a
    -- relay is repositioned. It has been counted.
    with others as (
      select tenant_id, job_id, number from journal
       where xact >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint limit p_most)
    update journal j set xact = xact - (2::numeric ^ 62)::bigint from others o
     where j.tenant_id = o.tenant_id and (j.job_id, j.number) = (o.job_id, o.number);
    get diagnostics v_rows = row_count;
    if v_rows = 0 then
      delete from bytes_changes;
      update bytes_counted set xact = v_horizon - 1;
    end if;
    return true;
  end if;
  select max(xact), count(*) into v_to, v_rows from (
    select xact from (
      (select xact from journal where xact > v_from and xact < v_horizon order by xact limit p_most)
      union all
      (select xact from bytes_changes where xact > v_from and xact < v_horizon
        order by xact limit p_most)) w (xact)
     order by xact limit p_most) w;
  if v_rows < p_most then v_to := v_horizon - 1; end if;
  with changed as (
    select tenant_id, sum(bytes)::bigint as bytes from (
      select tenant_id, bytes from journal where xact > v_from and xact <= v_to
      union all
      select tenant_id, bytes from bytes_changes where xact > v_from and xact <= v_to) c
     group by tenant_id
  ), known as (
    update quotas q set used = greatest(0, q.used + c.bytes) from changed c
     where q.tenant_id = c.tenant_id and q.kind = 'bytes' returning q.tenant_id
  )
  insert into quotas as q (tenant_id, kind, used)
  select tenant_id, 'bytes', greatest(0, bytes) from changed
   where tenant_id not in (select tenant_id from known)
  on conflict (tenant_id, kind) do update set used = q.used + excluded.used;
  delete from bytes_changes where xact > v_from and xact <= v_to;
  update bytes_counted set xact = v_to,
                           at = case when v_rows < p_most then clock_timestamp() else at end;
  return v_rows >= p_most;
end $$;

CREATE FUNCTION agent_workers.count_for_quota() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'agent_workers', 'pg_temp'
    AS $$
declare v_kind text := tg_argv[0]; v_most bigint; v_used bigint;
begin
  if tg_argv[1] = 'go' then
    perform from quotas where tenant_id = old.tenant_id and kind = v_kind for update skip locked;
    if found then
      update quotas set used = used - 1
       where tenant_id = old.tenant_id and kind = v_kind and used > 0;
    else
      insert into quota_returns (tenant_id, kind) values (old.tenant_id, v_kind);
    end if;
    return null;
  end if;
  with returned as (
    delete from quota_returns where tenant_id = new.tenant_id and kind = v_kind returning 1)
  insert into quotas as q (tenant_id, kind, used) values (new.tenant_id, v_kind, 1)
  on conflict (tenant_id, kind)
     do update set used = greatest(q.used + 1 - (select count(*) from returned), 0)
  returning used, coalesce(most, quota_by_default(v_kind)) into v_used, v_most;
  if v_used > v_most and coalesce(current_setting('agent_workers.only_counts', true), '') <> 'on' then
    raise exception 'this tenant has reached its quota of %: %', replace(v_kind, '_', ' '),
      v_most using errcode = 'AW030';
  end if;
  return null;
end $$;

CREATE FUNCTION agent_workers.count_workspace_file() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare f workspace_files := coalesce(new, old);
begin
  if tg_op = 'UPDATE' and new.version <> old.version + 1 then
    raise exception 'workspace_files: every change of a file is its next version'
      using errcode = 'AW002';
  end if;
  update workspaces
     set files = files + case tg_op when 'INSERT' then 1 when 'DELETE' then -1 else 0 end,
         bytes = bytes + coalesce(new.bytes, 0) - coalesce(old.bytes, 0)
   where tenant_id = f.tenant_id and job_id = f.job_id;
  return null;
end $$;

CREATE FUNCTION agent_workers.create_batch(p_tenant text, p_batch uuid, p_spec jsonb) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.delete_workspace_file(p_tenant text, p_job uuid, p_path text, p_expect text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare v_etag text;
begin
  perform from workspaces where tenant_id = p_tenant and job_id = p_job for update;
  select etag into v_etag from workspace_files
   where tenant_id = p_tenant and job_id = p_job and path = p_path;
  if v_etag is null then
    raise exception 'there is no file %', p_path using errcode = 'AW020';
  end if;
  perform expect_workspace_file(p_path, v_etag, p_expect);
  delete from workspace_files where tenant_id = p_tenant and job_id = p_job and path = p_path;
end $$;

CREATE FUNCTION agent_workers.deliver_missing(p_tenant text, p_endpoint uuid, p_since timestamp with time zone, p_until timestamp with time zone) RETURNS integer
    LANGUAGE sql
    AS $$
  with missing as (
    insert into webhook_deliveries (tenant_id, delivery_id, event_id, event_type, target_id,
                                    endpoint_id, job_id)
    select v.tenant_id, gen_random_uuid(), v.event_id, v.type, e.endpoint_id, e.endpoint_id,
           v.job_id
      from webhook_endpoints e
      join webhook_events v on v.tenant_id = e.tenant_id and wants_event(e.event_types, v.type)
     where e.tenant_id = p_tenant and e.endpoint_id = p_endpoint and e.status = 'enabled'
       and v.created_at >= p_since and v.created_at < p_until
       and not exists (select from webhook_deliveries d
                        where d.tenant_id = v.tenant_id and d.event_id = v.event_id
                          and d.endpoint_id = e.endpoint_id)
    on conflict do nothing returning 1)
  select count(*)::int from missing
$$;

CREATE FUNCTION agent_workers.deliver_test(p_tenant text, p_endpoint uuid, p_type text) RETURNS uuid
    LANGUAGE plpgsql
    AS $$
declare
  v_event uuid := gen_random_uuid(); v_delivery uuid := gen_random_uuid();
  v_job uuid := gen_random_uuid(); v_of_job boolean := p_type like 'job.%';
  v_name text := 'we_' || replace(p_endpoint::text, '-', '');
begin
  if not exists (select from webhook_endpoints where tenant_id = p_tenant
                    and endpoint_id = p_endpoint and status = 'enabled') then
    return null;
  end if;
  insert into webhook_events (tenant_id, event_id, type, subject, data)
  values (p_tenant, v_event, p_type, case when v_of_job then v_job::text else 'test' end,
          case when v_of_job
               then jsonb_build_object('agent', 'test', 'status', split_part(p_type, '.', 2),
                                       'metadata', jsonb_build_object('test', 'true'),
                                       'sequence', 1, 'parent_job_id', null)
               else jsonb_build_object('id', v_name, 'object', split_part(p_type, '.', 1), 'test', true,
                                       'url', '/v1/webhook_endpoints/' || v_name) end);
  insert into webhook_deliveries (tenant_id, delivery_id, event_id, event_type, target_id,
                                  endpoint_id)
  values (p_tenant, v_delivery, v_event, p_type, p_endpoint, p_endpoint);
  return v_delivery;
end $$;

CREATE FUNCTION agent_workers.disable_endpoint(p_tenant text, p_endpoint uuid, p_reason text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare v_now timestamptz := clock_timestamp();
begin
  update webhook_endpoints set status = 'disabled', disabled_reason = p_reason, disabled_at = v_now
   where tenant_id = p_tenant and endpoint_id = p_endpoint and status = 'enabled';
  if not found then return false; end if;
  update webhook_deliveries set status = 'failed', last_error = 'the endpoint was disabled',
                                finished_at = v_now
   where tenant_id = p_tenant and endpoint_id = p_endpoint and status = 'pending';
  perform announce_event(p_tenant, 'webhook_endpoint.disabled', 'we_' || replace(p_endpoint::text, '-', ''),
    jsonb_build_object('id', 'we_' || replace(p_endpoint::text, '-', ''),
                       'object', 'webhook_endpoint', 'reason', p_reason));
  return true;
end $$;

CREATE FUNCTION agent_workers.doubt_effect(p_tenant text, p_job uuid, p_position integer, p_fence integer, p_key uuid, p_reason text) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare j jobs; e effects; v_after text;
begin
  perform hold_briefly();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  v_after := case when j.status = 'canceling' then 'canceled' else 'in_doubt' end;
  update steps set status = v_after, lease_until = null,
                   last_error = format('%s. See `agent-workers doubts show %s`.', rtrim(p_reason, '.'), p_key)
   where tenant_id = p_tenant and job_id = p_job and position = p_position
     and fence = p_fence and coalesce(status, '') = 'claimed';
  if not found then return 'fenced'; end if;
  -- Before the doubt is announced: who is told reads the job's status as well.
  if v_after = 'in_doubt' then
    update jobs set status = 'in_doubt' where tenant_id = p_tenant and job_id = p_job
       and not pause_requested and status <> 'in_doubt';
    perform watch_turn(j);
  end if;
  select * into e from effects where tenant_id = p_tenant and effect_key = p_key for update;
  perform mark_doubt(e, p_reason);
  if v_after <> 'in_doubt' then
    update jobs set open_steps = open_steps - 1 where tenant_id = p_tenant and job_id = p_job;
    if j.open_steps = 1 then perform end_stopped(j); end if;
  end if;
  return v_after;
end $$;

CREATE FUNCTION agent_workers.doubt_open(p_tenant text, p_job uuid, p_position integer, p_reason text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare e effects;
begin
  for e in select * from effects
            where tenant_id = p_tenant and job_id = p_job and state = 'intended'
              and (p_position is null or position = p_position)
              and exists (select from permits p where p.tenant_id = effects.tenant_id
                             and p.effect_key = effects.effect_key
                             and (p.says is null or p.says = 'unknown'))
            order by position, effect_key for update loop
    perform mark_doubt(e, p_reason);
  end loop;
end $$;

CREATE FUNCTION agent_workers.due_behind(p_tenant text, p_from uuid, p_visits integer) RETURNS SETOF uuid
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare v_target uuid := p_from; v_now timestamptz := clock_timestamp(); v_due timestamptz;
begin
  return query select w.target_id from (
      select d.target_id, min(d.due_at) as due from (
        select target_id, due_at from webhook_deliveries
         where tenant_id = p_tenant and status = 'pending' and behind and due_at <= v_now
         order by due_at limit p_visits) d
       group by d.target_id) w order by w.due;
  for visit in 1..p_visits / 4 loop
    select target_id, due_at into v_target, v_due from webhook_deliveries
     where tenant_id = p_tenant and status = 'pending' and target_id > v_target
     order by target_id, due_at limit 1;
    exit when not found;
    if v_due <= v_now then return next v_target; end if;
  end loop;
end $$;

CREATE FUNCTION agent_workers.due_fresh(p_tenant text, p_from uuid, p_visits integer) RETURNS SETOF uuid
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_target uuid := p_from; v_wrapped boolean := false;
  v_none uuid := '00000000-0000-0000-0000-000000000000';
begin
  for visit in 1..p_visits loop
    select target_id into v_target from webhook_deliveries
     where tenant_id = p_tenant and status = 'pending' and not behind and target_id > v_target
     order by target_id, due_at limit 1;
    if found then
      exit when v_wrapped and v_target > p_from;
      return next v_target;
    else
      exit when v_wrapped;
      v_wrapped := true;
      v_target := v_none;
    end if;
  end loop;
end $$;

CREATE TABLE agent_workers.effects (
    tenant_id text NOT NULL,
    effect_key uuid NOT NULL,
    root_id uuid NOT NULL,
    job_id uuid NOT NULL,
    "position" integer NOT NULL,
    ordinal integer DEFAULT 0 NOT NULL,
    tool text NOT NULL,
    cls text NOT NULL,
    request bytea NOT NULL,
    request_hash bytea NOT NULL,
    state text DEFAULT 'intended'::text NOT NULL,
    result bytea,
    doubt_reason text,
    doubted_at timestamp with time zone,
    first_granted_at timestamp with time zone,
    failed_looks integer DEFAULT 0 NOT NULL,
    failed_looks_for_good integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT effects_cls_check CHECK ((cls = ANY (ARRAY['keyed'::text, 'reconcilable'::text, 'unsafe'::text]))),
    CONSTRAINT effects_result_check CHECK (((state = 'done'::text) = (result IS NOT NULL))),
    CONSTRAINT effects_state_check CHECK ((state = ANY (ARRAY['intended'::text, 'in_doubt'::text, 'done'::text, 'abandoned'::text])))
);

CREATE FUNCTION agent_workers.end_doubt(j agent_workers.jobs, e agent_workers.effects, p_says text, p_source text, p_contradicts boolean) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare v_rings boolean; v_after text; v_data bytea;
begin
  v_data := convert_to(json_build_object('position', e.position, 'effect_key', e.effect_key,
                       'says', p_says, 'source', p_source)::text, 'UTF8');
  if p_contradicts then
    perform note(j.tenant_id, j.job_id, 'effect_contradicted', v_data);
  end if;
  if e.state = 'in_doubt' and p_says <> 'happened' then
    update effects set state = 'intended', doubt_reason = null, doubted_at = null
     where tenant_id = e.tenant_id and effect_key = e.effect_key and state = 'in_doubt';
  end if;
  update steps set status = case when j.pause_requested then 'paused' else 'ready' end,
                   due_at = clock_timestamp(), ring_at = clock_timestamp(), rings = 0
   where tenant_id = j.tenant_id and job_id = j.job_id and position = e.position
     and status = 'in_doubt';
  v_rings := found;
  if v_rings then
    v_after := case when j.pause_requested then 'paused'
                    else status_of_live(j.tenant_id, j.job_id, true) end;
    update jobs set status = v_after, status_detail = null
     where tenant_id = j.tenant_id and job_id = j.job_id and status <> v_after;
    perform watch_turn(j);
    perform note(j.tenant_id, j.job_id, 'doubt_ended', v_data);
  elsif j.finished_at is not null then
    perform note(j.tenant_id, j.job_id, 'effect.evidence_late', v_data);
  end if;
  return v_rings;
end $$;

CREATE FUNCTION agent_workers.end_job(p_tenant text, p_job uuid, p_status text, p_error bytea, p_data bytea) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare j jobs;
begin
  update steps set status = 'canceled', lease_until = null
   where tenant_id = p_tenant and job_id = p_job
     and status in ('ready', 'claimed', 'paused', 'in_doubt', 'quarantined');
  update jobs set status = p_status, error = p_error, finished_at = clock_timestamp(),
                  open_steps = 0, spent_micro = spent_micro + held_micro, held_micro = 0,
                  journal_number = journal_number + 1
   where tenant_id = p_tenant and job_id = p_job returning * into j;
  perform write_journal(p_tenant, p_job, j.journal_number, p_status, p_data);
  perform leave_children(p_tenant, p_job);
  delete from timers where tenant_id = p_tenant and job_id = p_job;
  if j.allowance_micro > 0 then
    perform settle_reservations(p_tenant, p_job, j.spent_micro);
  end if;
  perform job_ended(j);
end $$;

CREATE FUNCTION agent_workers.end_other_runs(p_tenant text, p_schedule uuid, p_fire_at timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.end_stopped(j agent_workers.jobs) RETURNS void
    LANGUAGE sql
    AS $$
  select end_job(j.tenant_id, j.job_id,
                 case when j.stop_error is null then 'canceled' else 'failed' end, j.stop_error,
                 coalesce(j.stop_error,
                          convert_to(json_build_object('reason', j.cancel_reason)::text, 'UTF8')))
$$;

CREATE FUNCTION agent_workers.end_stuck(j agent_workers.jobs, p_policy text, p_waiting integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  if p_policy = 'fail' then
    perform stop_job(
      j.tenant_id, j.job_id, 'failed',
      '{"code":"turn_stuck","message":"the job was in doubt or in quarantine, and others of its session waited for it","retryable":false,"cause":null,"user_message":"It is not certain what was done. A person is looking at it."}',
      'turn_stuck', true);
  end if;
  -- Unless it has ended: to find out what another of its effects did may take a while.
  update session_turns set state = 'skipped'
   where tenant_id = j.tenant_id and job_id = j.job_id and state = 'now';
  if found then
    perform note(j.tenant_id, j.job_id, 'turn_skipped',
                 convert_to(json_build_object('session_id', j.session_id,
                                              'waiting', p_waiting)::text, 'UTF8'));
    perform pass_turn(j.tenant_id, j.session_id);
  end if;
end $$;

CREATE FUNCTION agent_workers.enqueue(agent text, input jsonb, key text DEFAULT NULL::text, tenant text DEFAULT 'default'::text, priority integer DEFAULT 0, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, metadata jsonb DEFAULT '{}'::jsonb, max_steps integer DEFAULT 1000) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'agent_workers', 'pg_temp'
    AS $$
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

CREATE FUNCTION agent_workers.enter_session(p agent_workers.submission) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare s sessions; v_busy boolean; v_now timestamptz := clock_timestamp();
begin
  s := open_session(p.tenant_id, p.session_id, p.user_id, p.session_ttl_s);
  -- Who asks is told; a job that nobody waits for takes its turn, and learns and says nothing.
  if p.on_busy is not null and s.user_id <> coalesce(p.user_id, '') then
    raise exception 'session % belongs to another user', quote_literal(p.session_id)
      using errcode = 'AWS02';
  end if;
  v_busy := exists (select from session_turns where tenant_id = p.tenant_id
                       and session_id = p.session_id and state in ('waiting', 'now'));
  if v_busy and p.on_busy = 'reject' then
    raise exception 'session % is busy with another job', quote_literal(p.session_id)
      using errcode = 'AWS01';
  elsif v_busy and p.on_busy = 'interrupt' then
    -- Asked and not tried: whoever is about to end one of them has deleted its timers, and waits
    -- for this session; a conflict with those would wait for whoever that is.
    insert into timers (tenant_id, job_id, kind, due_at)
    select tenant_id, job_id, 'interrupt', v_now from session_turns o
     where tenant_id = p.tenant_id and session_id = p.session_id
       and state in ('waiting', 'now')
       and not exists (select from timers t where t.tenant_id = o.tenant_id
                          and t.job_id = o.job_id and t.kind = 'interrupt');
  end if;
  update sessions set last_turn = last_turn + 1, used_at = v_now,
                      look_at = case when v_busy and not turn_goes_on(p.tenant_id, p.session_id)
                                     then v_now else 'infinity' end
   where tenant_id = p.tenant_id and session_id = p.session_id returning * into s;
  insert into session_turns (tenant_id, job_id, session_id, turn, state, due_at)
  select tenant_id, job_id, p.session_id, s.last_turn, case when v_busy then 'waiting' else 'now' end,
         due_at
    from steps where tenant_id = p.tenant_id and job_id = p.job_id and position = 0;
  if s.user_id = coalesce(p.user_id, '') then
    insert into session_messages (tenant_id, session_id, turn, part, message_id, role, content,
                                  job_id, at)
    values (p.tenant_id, p.session_id, s.last_turn, 0, p.job_id, 'user', p.input, p.job_id, v_now);
  end if;
  if v_busy then
    update steps set due_at = v_now + interval '100 years', ring_at = v_now + interval '100 years'
     where tenant_id = p.tenant_id and job_id = p.job_id and position = 0;
  end if;
end $$;

CREATE FUNCTION agent_workers.enter_sessions(p_jobs agent_workers.submission[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare j submission;
begin
  perform lock_session(o.tenant_id, o.session_id) from (
    select distinct tenant_id, session_id from unnest(p_jobs) where session_id <> ''
     order by tenant_id, session_id offset 0) o;
  foreach j in array p_jobs loop
    if j.session_id <> '' then perform enter_session(j); end if;
  end loop;
end $$;

CREATE FUNCTION agent_workers.entries_passed() RETURNS bigint
    LANGUAGE sql
    AS $$
  select pg_stat_get_xact_tuples_returned('steps_ring_idx'::regclass)
       + pg_stat_get_xact_tuples_returned('steps_lease_idx'::regclass)
       + pg_stat_get_xact_tuples_returned('timers_due_at_idx'::regclass)
$$;

CREATE FUNCTION agent_workers.expect_workspace_file(p_path text, p_etag text, p_expect text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  if p_expect = 'new' and p_etag is not null then
    raise exception 'there is a file % already: its etag is %', p_path, p_etag
      using errcode = 'AW020';
  elsif p_expect not in ('', 'new') and p_etag is null then
    raise exception 'there is no file %', p_path using errcode = 'AW020';
  elsif p_expect not in ('', 'new') and p_etag <> p_expect then
    raise exception 'the file % has changed: its etag is %', p_path, p_etag
      using errcode = 'AW020';
  end if;
end $$;

CREATE FUNCTION agent_workers.extend_grants(p_since timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare v_now timestamptz := clock_timestamp(); v_left int; v_done int;
begin
  -- Locks are only tried: who holds a permit's row may be waiting for a job that our caller holds.
  select count(*) into v_left from open_permits(p_since);
  with mine as (
    select p.tenant_id, p.effect_key, p.attempt from permits p
      join open_permits(p_since) o using (tenant_id, effect_key, attempt)
       for no key update of p skip locked)
  update permits p
     set quiet_time = coalesce(quiet_time, quiet_after - granted_at),
         quiet_after = greatest(quiet_after,
                                v_now + coalesce(quiet_time, quiet_after - granted_at))
    from mine where p.tenant_id = mine.tenant_id and p.effect_key = mine.effect_key
                and p.attempt = mine.attempt;
  get diagnostics v_done = row_count;
  -- A lease that nobody outlived is no death.
  update steps set lease_until = greatest(steps.lease_until,
                                          v_now + make_interval(secs => steps.timeout_ms / 500.0))
    from (select tenant_id, job_id, position from steps
           where status = 'claimed' and lease_until > p_since for update skip locked) mine
   where steps.tenant_id = mine.tenant_id and steps.job_id = mine.job_id
     and steps.position = mine.position;
  return v_left - v_done;
end $$;

CREATE FUNCTION agent_workers.fail_run(p_tenant text, p_schedule uuid, p_fire_at timestamp with time zone, p_reason text) RETURNS text
    LANGUAGE plpgsql
    AS $$
begin
  update schedule_runs set state = 'failed', reason = p_reason
   where tenant_id = p_tenant and schedule_id = p_schedule and fire_at = p_fire_at;
  return 'failed';
end $$;

CREATE TABLE agent_workers.batches (
    tenant_id text NOT NULL,
    batch_id uuid NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    stop_as text,
    reason text,
    concurrency integer NOT NULL,
    on_error text NOT NULL,
    costs boolean DEFAULT false NOT NULL,
    template jsonb DEFAULT '{}'::jsonb NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    item_count integer DEFAULT 0 NOT NULL,
    last_number integer DEFAULT 0 NOT NULL,
    counts jsonb,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    deadline_at timestamp with time zone,
    look_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT batches_concurrency_check CHECK ((concurrency > 0)),
    CONSTRAINT batches_finished_check CHECK (((finished_at IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'failed'::text, 'canceled'::text, 'expired'::text])))),
    CONSTRAINT batches_on_error_check CHECK ((on_error = ANY (ARRAY['continue'::text, 'stop'::text]))),
    CONSTRAINT batches_status_check CHECK ((status = ANY (ARRAY['open'::text, 'running'::text, 'stopping'::text, 'completed'::text, 'failed'::text, 'canceled'::text, 'expired'::text]))),
    CONSTRAINT batches_stop_check CHECK (((stop_as IS NULL) OR (stop_as = ANY (ARRAY['failed'::text, 'canceled'::text, 'expired'::text]))))
);

CREATE FUNCTION agent_workers.fill_batch(b agent_workers.batches) RETURNS uuid[]
    LANGUAGE plpgsql
    AS $$
declare v_free int; v_all int; v_locked int;
begin
  select b.concurrency - count(*) into v_free from batch_items
   where tenant_id = b.tenant_id and batch_id = b.batch_id and status = 'running';
  if v_free <= 0 then return '{}'; end if;
  if not b.costs then
    return admit_items(b.tenant_id, b.batch_id, 0, least(v_free, 1000));
  end if;
  select count(*) into v_all from budgets where tenant_id = b.tenant_id;
  perform 1 from budgets where tenant_id = b.tenant_id for update skip locked;
  get diagnostics v_locked = row_count;
  if v_locked < v_all or left_in_budgets(b.tenant_id) < 1 then return '{}'; end if;
  -- Not one by one: a transaction of more than 64 subtransactions slows every snapshot down.
  return admit_items(b.tenant_id, b.batch_id, 0, least(v_free, 100));
end $$;

CREATE FUNCTION agent_workers.finish_batch(b agent_workers.batches) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.finish_record(j agent_workers.jobs, r agent_workers.recorded) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.fire_run(p_tenant text, p_schedule uuid, p_fire_at timestamp with time zone, p_origin text, p_overlap text, p_target agent_workers.run_target) RETURNS text
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.fold_session(p_tenant text, p_session text, p_summary bytea) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare v json := convert_from(p_summary, 'UTF8')::json;
begin
  perform lock_session(p_tenant, p_session);
  update sessions set summary = p_summary, summed_to = (v->>'last')::int,
                      version = gen_random_uuid()
   where tenant_id = p_tenant and session_id = p_session and version = (v->>'version')::uuid
     and summed_to < (v->>'last')::int and v->>'summary' <> '';
end $$;

CREATE FUNCTION agent_workers.forget_dead_letters(p_limit integer, p_most integer, p_bytes bigint) RETURNS integer
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
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

CREATE FUNCTION agent_workers.forget_expired_memories(p_most integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare v_gone int;
begin
  delete from memories m using (
    select tenant_id, memory_id from memories where expires_at <= clock_timestamp()
     order by expires_at limit p_most for update skip locked) e
   where m.tenant_id = e.tenant_id and m.memory_id = e.memory_id;
  get diagnostics v_gone = row_count;
  return v_gone;
end $$;

CREATE FUNCTION agent_workers.forget_report(p_report uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare w worker_reports;
begin
  delete from worker_reports where report_id = p_report returning * into w;
  perform 1 from agents where tenant_id = '*' and w.agents ? name order by name for no key update;
  update agents set last_seen_at = w.seen_at, last_seen_on = w.host
   where tenant_id = '*' and w.agents ? name
     and (last_seen_at is null or last_seen_at < w.seen_at);
end $$;

CREATE FUNCTION agent_workers.forget_webhooks(p_before timestamp with time zone, p_limit integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare v webhook_events; n int := 0;
begin
  delete from webhook_targets t
   where coalesce(failing_since, answered_at) < p_before and not exists (
     select from webhook_deliveries d
      where d.tenant_id = t.tenant_id and d.target_id = t.target_id and d.status = 'pending');
  for v in select * from webhook_events o where o.created_at < p_before
              and not exists (select from webhook_deliveries d
                               where d.tenant_id = o.tenant_id and d.event_id = o.event_id
                                 and d.finished_at is null)
            limit p_limit for update skip locked loop
    delete from webhook_attempts a using webhook_deliveries d
     where d.tenant_id = v.tenant_id and d.event_id = v.event_id
       and a.tenant_id = d.tenant_id and a.delivery_id = d.delivery_id;
    delete from webhook_deliveries where tenant_id = v.tenant_id and event_id = v.event_id;
    delete from webhook_events where tenant_id = v.tenant_id and event_id = v.event_id;
    n := n + 1;
  end loop;
  return n;
end $$;

CREATE FUNCTION agent_workers.free_deliveries(p_limit integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare d webhook_deliveries; n int := 0; v_now timestamptz := clock_timestamp();
begin
  for d in select * from webhook_deliveries where status = 'sending' and lease_until < v_now
            limit p_limit for update skip locked loop
    insert into webhook_attempts (tenant_id, delivery_id, number, at, duration_ms, error)
    values (d.tenant_id, d.delivery_id, d.fence, v_now, 0, 'its worker was lost')
    on conflict do nothing;
    update webhook_deliveries set status = 'pending', lease_until = null, due_at = v_now
     where tenant_id = d.tenant_id and delivery_id = d.delivery_id;
    n := n + 1;
  end loop;
  return n;
end $$;

CREATE FUNCTION agent_workers.free_expired(p_limit integer, p_poison_after integer, p_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
declare s steps; r ring; v_now timestamptz := clock_timestamp();
begin
  for s in select * from steps where status = 'claimed' and lease_until < v_now
              and lease_until >= p_since
            order by lease_until limit p_limit for update skip locked loop
    -- With an earlier attempt open it may have hung in its look-up.
    r := free_step(s, 'the lease ran out',
                   is_acting(s) or has_live_permit(s.tenant_id, s.job_id, s.position), p_poison_after);
    if r.job_id is not null then return next r; end if;
  end loop;
end $$;

CREATE FUNCTION agent_workers.free_lost(p_grace interval, p_gone uuid[], p_poison_after integer) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
declare
  w workers; s steps; r ring; v_now timestamptz := clock_timestamp();
  v_since timestamptz := server_since(); v_together boolean; v_gone boolean; v_blamed boolean;
begin
  select count(distinct u.host) > 1 into v_together from unlocked_workers() u
   where u.worker_id <> all (p_gone) and coalesce(u.lost_at, v_now) > v_now - interval '5 seconds';
  for w in
    select workers.* from workers join unlocked_workers() using (worker_id)
       for update of workers skip locked loop
    v_gone := w.worker_id = any (p_gone);
    -- It may have come back while we waited to look at it.
    continue when not v_gone
                  and not exists (select from unlocked_workers() where worker_id = w.worker_id);
    if not v_gone and w.lost_at is null then
      update workers set lost_at = v_now where worker_id = w.worker_id;
      continue;
    end if;
    continue when not v_gone and w.lost_at > v_now - case
      when v_together or w.locked_at <= v_since then interval '5 seconds'
      else interval '1 second' end;
    -- Who did not act did not end its process; where nobody acted, nobody can be told from another.
    v_blamed := not exists (select from steps where status = 'claimed' and claimed_by = w.worker_id
                               and is_acting(steps));
    for s in select * from steps where status = 'claimed' and claimed_by = w.worker_id
              for update skip locked loop
      -- Asked under the lock, which whoever grants a permit holds.
      continue when not v_gone and s.effect in ('reconcilable', 'unsafe')
                    and has_live_permit(s.tenant_id, s.job_id, s.position);
      r := free_step(s, 'its worker was lost', v_gone and (v_blamed or is_acting(s)),
                     p_poison_after, v_gone);
      continue when r.job_id is null;
      return next r;
      if not v_gone and (v_blamed or is_acting(s)) then
        insert into suspicions (worker_id, tenant_id, job_id, position)
        values (w.worker_id, s.tenant_id, s.job_id, s.position) on conflict do nothing;
      end if;
    end loop;
    if v_gone or w.lost_at < v_now - p_grace then
      update steps set deaths = least(deaths + 1, 32767) from suspicions u
       where u.worker_id = w.worker_id and steps.tenant_id = u.tenant_id
         and steps.job_id = u.job_id and steps.position = u.position
         and steps.status not in ('done', 'canceled');
      delete from suspicions where worker_id = w.worker_id;
      delete from workers where worker_id = w.worker_id and not exists (
        select from steps where status = 'claimed' and claimed_by = w.worker_id);
    end if;
  end loop;
end $$;

CREATE FUNCTION agent_workers.free_step(s agent_workers.steps, p_why text, p_died boolean, p_poison_after integer, p_gone boolean DEFAULT false) RETURNS agent_workers.ring
    LANGUAGE plpgsql
    AS $$
declare j jobs; r ring; v_after text;
        v_deaths int := least(s.deaths + case when p_died then 1 else 0 end, 32767);
begin
  perform commit_durably();
  select * into j from jobs where tenant_id = s.tenant_id and job_id = s.job_id
     for no key update skip locked;
  if not found then return null; end if;
  if j.status = 'canceling' and not may_end(j) then return null; end if;
  v_after := case when j.status = 'canceling' and v_deaths < p_poison_after
                       and settles(s.tenant_id, s.job_id, s.position) then 'ready'
                  when j.status = 'canceling' then 'canceled'
                  when v_deaths >= p_poison_after then 'quarantined'
                  when j.pause_requested then 'paused' else 'ready' end;
  update steps set status = v_after, lease_until = null, rings = 1, deaths = v_deaths,
                   ring_at = clock_timestamp() + interval '5 seconds'
   where tenant_id = s.tenant_id and job_id = s.job_id and position = s.position
     and fence = s.fence and coalesce(status, '') = 'claimed';
  if not found then return null; end if;
  if p_gone and s.effect in ('keyed', 'reconcilable', 'unsafe') then
    perform hush_permits(s.tenant_id, s.job_id, s.position, s.claimed_by);
  end if;
  -- The lost attempt is booked in full, so that recorded cost is never below the real one.
  update jobs set held_micro = greatest(0, held_micro - s.hold_micro - s.called_micro),
                  spent_micro = spent_micro + s.hold_micro + s.called_micro,
                  open_steps = open_steps - case when v_after = 'canceled' then 1 else 0 end
   where tenant_id = s.tenant_id and job_id = s.job_id
     and (s.hold_micro + s.called_micro > 0 or v_after = 'canceled');
  if v_after = 'canceled' then perform doubt_open(s.tenant_id, s.job_id, s.position, p_why); end if;
  if v_after = 'quarantined' then
    update jobs set status = 'quarantined', status_detail = p_why
     where tenant_id = s.tenant_id and job_id = s.job_id and not pause_requested
       and status not in ('quarantined', 'in_doubt', 'canceling');
    perform watch_turn(j);
  end if;
  perform note(s.tenant_id, s.job_id,
               case v_after when 'quarantined' then 'quarantined' else 'step.recovered' end,
               convert_to(json_build_object('position', s.position, 'reason', p_why)::text,
                          'UTF8'));
  if v_after = 'quarantined' then
    perform announce(s.tenant_id, s.job_id, 'job.quarantined',
                     convert_to(json_build_object('position', s.position, 'reason', p_why)::text,
                                'UTF8'));
  end if;
  if v_after = 'canceled' and j.open_steps = 1 then perform end_stopped(j); end if;
  r := (s.tenant_id, s.job_id, s.position, s.kind, s.lane, v_after = 'ready', 1);
  return case when v_after = 'ready' then r end;
end $$;

CREATE FUNCTION agent_workers.give_tool_places(p_tool text, p_most integer, p_after text, p_fewer integer) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
declare v_tenant text; v_past text[] := '{}'; r ring;
begin
  while has_free_place(p_tool, p_most) loop
    v_tenant := next_at_tool(p_tool, p_after, p_fewer, v_past);
    exit when v_tenant is null;
    r := wake_at_tool(p_tool, v_tenant);
    if r.job_id is null then
      v_past := v_past || v_tenant;
      continue;
    end if;
    insert into tool_places (tool, tenant_id, job_id, position, fence, registered, free_at)
    values (p_tool, v_tenant, r.job_id, r.position, 0, false, clock_timestamp() + interval '3 seconds')
    on conflict (tool, tenant_id, job_id, position, fence) do update set free_at = excluded.free_at;
    return next r;
  end loop;
end $$;

CREATE FUNCTION agent_workers.give_verdict(p_tenant text, p_key uuid, p_verdict text, p_result bytea, p_hash bytea, p_by text, p_reason text) RETURNS agent_workers.taken_evidence
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'agent_workers', 'pg_temp'
    AS $$
declare j jobs; e effects; p permits; t taken_evidence; v_quiet timestamptz;
begin
  perform hold_briefly();
  select * into e from effects where tenant_id = p_tenant and effect_key = p_key;
  if not found then raise exception 'no such effect' using errcode = 'AW006'; end if;
  select * into j from jobs where tenant_id = p_tenant and job_id = e.job_id for no key update;
  select * into e from effects where tenant_id = p_tenant and effect_key = p_key for update;
  if e.state <> 'in_doubt' then
    raise exception 'This effect is not in doubt: %', case e.state
      when 'done' then 'it is known to have happened'
      when 'abandoned' then 'it was already abandoned'
      else 'its step goes on by itself' end using errcode = 'AW007';
  end if;
  if p_verdict = 'abandon' then
    update effects set state = 'abandoned', doubt_reason = p_reason
     where tenant_id = p_tenant and effect_key = p_key;
    t := (e.job_id, e.position, false, end_doubt(j, e, 'abandoned', 'verdict', false));
    return t;
  end if;
  for p in select * from permits where tenant_id = p_tenant and effect_key = p_key
              and (says is null or says = 'unknown') order by attempt loop
    v_quiet := quiet_of(p);
    if p_verdict <> 'happened' and clock_timestamp() < v_quiet then
      raise exception 'Attempt % may still take effect until %. Only after that can anybody say that it did not happen.',
        p.attempt, to_char(v_quiet at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') using errcode = 'AW004';
    end if;
    t := add_evidence(p_tenant, p_key, p.attempt,
                      case p_verdict when 'happened' then 'happened' else 'absent' end,
                      'verdict', p_result, p_hash, p_by, p_reason);
    exit when p_verdict = 'happened';
  end loop;
  t.rings := true;
  return t;
end $$;

CREATE FUNCTION agent_workers.grant_permit(p_tenant text, p_key uuid, p_attempt integer, p_mode text, p_fence integer, p_worker uuid, p_quiet_ms bigint, p_key_ttl_ms bigint, p_settle_ms bigint) RETURNS timestamp with time zone
    LANGUAGE plpgsql
    AS $$
declare e effects; v_now timestamptz := clock_timestamp(); v_quiet timestamptz;
begin
  update effects set first_granted_at = coalesce(first_granted_at, v_now), state = 'intended',
                     doubt_reason = null, doubted_at = null,
                     failed_looks = 0, failed_looks_for_good = 0
   where tenant_id = p_tenant and effect_key = p_key returning * into e;
  v_quiet := v_now + make_interval(secs => p_quiet_ms / 1000.0);
  insert into permits (tenant_id, effect_key, attempt, cls, mode, fence, worker_id, granted_at,
                       quiet_after, settle_ms, key_expires_at)
  values (p_tenant, p_key, p_attempt, e.cls, p_mode, p_fence, p_worker, v_now, v_quiet,
          p_settle_ms,
          case when e.cls = 'keyed'
               then case when p_mode = 'same_key' then e.first_granted_at else v_now end
                    + make_interval(secs => p_key_ttl_ms / 1000.0) end);
  -- A permit that waited long has the whole of its lease all the same.
  update steps set lease_until = v_now + make_interval(secs => timeout_ms / 500.0)
   where tenant_id = p_tenant and job_id = e.job_id and position = e.position
     and fence = p_fence and coalesce(status, '') = 'claimed'
     and lease_until < v_now + make_interval(secs => timeout_ms / 1000.0);
  return v_quiet;
end $$;

CREATE FUNCTION agent_workers.guard_budget() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  if new.reserved_micro + new.spent_micro - new.overrun_micro
     > greatest(new.limit_micro, old.reserved_micro + old.spent_micro - old.overrun_micro) then
    perform violated('budgets', 'budgets_limit_check');
  end if;
  return new;
end $$;

CREATE FUNCTION agent_workers.guard_job() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.guard_step() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.guard_turn() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  if tg_op = 'UPDATE' then
    if (new.tenant_id, new.job_id, new.session_id, new.turn)
       <> (old.tenant_id, old.job_id, old.session_id, old.turn) then
      raise exception 'session_turns: whose turn it is never changes' using errcode = 'AW002';
    end if;
    if old.state = 'over' or (new.state = 'waiting' and old.state <> 'waiting')
       or (old.state = 'skipped' and new.state = 'now') then
      raise exception 'session_turns: a turn comes once' using errcode = 'AW002';
    end if;
  end if;
  if new.state = 'now' and exists (
       select from session_turns where tenant_id = new.tenant_id and session_id = new.session_id
          and state in ('waiting', 'now') and turn < new.turn) then
    raise exception 'session_turns: another job comes first' using errcode = 'AW002';
  end if;
  return new;
end $$;

CREATE FUNCTION agent_workers.guard_workspace_file() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  raise exception 'workspace_files: which file it is never changes' using errcode = 'AW002';
end $$;

CREATE FUNCTION agent_workers.has_budgets(p_tenant text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
begin
  return exists (select from budgets where tenant_id = p_tenant);
end $$;

CREATE FUNCTION agent_workers.has_endpoints(p_tenant text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
begin
  return exists (select from webhook_endpoints where tenant_id = p_tenant);
end $$;

CREATE FUNCTION agent_workers.has_free_place(p_tool text, p_most integer) RETURNS boolean
    LANGUAGE sql
    AS $$
  select count(*) < p_most from tool_places where tool = p_tool and free_at > clock_timestamp()
$$;

CREATE FUNCTION agent_workers.has_items(p_tenant text, p_batch uuid, p_status text) RETURNS boolean
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
begin
  return exists (select from batch_items
                  where tenant_id = p_tenant and batch_id = p_batch and status = p_status);
end $$;

CREATE FUNCTION agent_workers.has_live_permit(p_tenant text, p_job uuid, p_position integer) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  select exists (
    select from effects e join permits p using (tenant_id, effect_key)
     where e.tenant_id = p_tenant and e.job_id = p_job and e.position = p_position
       and e.state = 'intended' and (p.says is null or p.says = 'unknown'))
$$;

CREATE FUNCTION agent_workers.hold_briefly() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  perform commit_durably();
  if current_setting('idle_in_transaction_session_timeout') <> '5s' then
    perform set_config('idle_in_transaction_session_timeout', '5s', true);
  end if;
  if current_setting('lock_timeout') <> '8s' then
    perform set_config('lock_timeout', '8s', true);
  end if;
end $$;

CREATE FUNCTION agent_workers.hush_permits(p_tenant text, p_job uuid, p_position integer, p_worker uuid) RETURNS void
    LANGUAGE sql
    AS $$
  update permits set holder_gone_at = gone.at,
                     quiet_after = least(quiet_after,
                                         gone.at + make_interval(secs => settle_ms / 1000.0))
    from effects e, (select clock_timestamp() as at) gone
   where e.tenant_id = p_tenant and e.job_id = p_job and e.position = p_position
     and permits.tenant_id = e.tenant_id and permits.effect_key = e.effect_key
     and permits.worker_id = p_worker and permits.holder_gone_at is null
     and (permits.says is null or permits.says = 'unknown')
$$;

CREATE FUNCTION agent_workers.instant_of(p_at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
  select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION agent_workers.is_acting(s agent_workers.steps) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  select s.effect not in ('keyed', 'reconcilable', 'unsafe') or exists (
    select from effects e join permits p using (tenant_id, effect_key)
     where e.tenant_id = s.tenant_id and e.job_id = s.job_id and e.position = s.position
       and p.worker_id = s.claimed_by and p.fence = s.fence and p.says is null)
$$;

CREATE FUNCTION agent_workers.is_claimable(j agent_workers.jobs, p_now timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  select coalesce(j.status, '') in ('queued', 'running', 'waiting', 'in_doubt', 'quarantined',
                                    'canceling')
         and not j.pause_requested
         and (j.deadline_at is null or j.deadline_at > p_now or j.status = 'canceling')
$$;

CREATE FUNCTION agent_workers.is_more_due(p_lanes text[]) RETURNS boolean
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_now timestamptz := clock_timestamp(); v_more boolean;
  v_since timestamptz[] := ready_since(p_lanes); v_before bigint := ready_passed();
  v_passed bigint;
begin
  v_more := exists (
    select from unnest(p_lanes, v_since) as wanted (lane, since),
           lateral (select from steps
                     where steps.lane = wanted.lane and status = 'ready' and due_at <= v_now
                       and due_at >= coalesce(wanted.since, '-infinity')
                     order by due_at limit 1) due);
  v_passed := ready_passed() - v_before;
  if v_passed >= 100 then perform remember_ready(v_since, v_passed); end if;
  return v_more;
end $$;

CREATE FUNCTION agent_workers.is_overdrawn(p_tenant text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
begin
  return exists (select from budgets where tenant_id = p_tenant
                    and spent_micro + reserved_micro > limit_micro + overrun_micro);
end $$;

CREATE FUNCTION agent_workers.is_stuck(p_status text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
  select p_status in ('in_doubt', 'quarantined')
$$;

CREATE FUNCTION agent_workers.is_unsure(p_tenant text, p_target uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
begin
  return not exists (select from webhook_targets
                      where tenant_id = p_tenant and target_id = p_target and failures = 0);
end $$;

CREATE FUNCTION agent_workers.job_ended(j agent_workers.jobs) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  -- Asked here and not in there: every job comes by, and most tenants have no endpoint.
  if j.callback_url is not null
     or exists (select from webhook_endpoints where tenant_id = j.tenant_id) then
    perform announce_end(j);
  end if;
  -- Before the batch: its next item may want the turn of another session, and must not wait then.
  if j.session_id <> '' then perform leave_session(j); end if;
  if j.batch_id is not null then perform batch_job_ended(j); end if;
  if j.depth > 0 then perform child_ended(j); end if;
end $$;

CREATE FUNCTION agent_workers.job_may_move(before text, after text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
  select case before
    when 'queued' then after not in ('queued', 'succeeded')
    when 'running' then after not in ('queued', 'running')
    when 'waiting' then after not in ('queued', 'waiting')
    when 'paused' then after not in ('paused')
    when 'canceling' then after in ('canceled', 'failed')
    when 'in_doubt' then after not in ('queued', 'in_doubt')
    when 'quarantined' then after not in ('queued', 'quarantined')
    else false
  end
$$;

CREATE FUNCTION agent_workers.job_name(p_job uuid) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
  select 'job_' || replace(p_job::text, '-', '')
$$;

CREATE FUNCTION agent_workers.job_with_turn(p_tenant text, p_session text) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    AS $$
begin
  return (select job_id from session_turns
           where tenant_id = p_tenant and session_id = p_session and state = 'now');
end $$;

CREATE FUNCTION agent_workers.keep_agent_version(p_tenant text, p_name text, p_declared text, p_digest text, p_definition jsonb, p_source text, p_by text, OUT version text, OUT is_new boolean) RETURNS record
    LANGUAGE plpgsql
    AS $_$
#variable_conflict use_column
declare v_number bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('agent ' || p_name, 0));
  is_new := false;
  if p_declared <> '' then
    if exists (select from agent_versions v where v.name = p_name and v.version = p_declared
                  and (p_tenant = '*' or v.tenant_id in (p_tenant, '*'))
                  and v.digest <> p_digest) then
      raise exception 'version % of agent % already exists with another definition',
        quote_literal(p_declared), quote_literal(p_name) using errcode = 'AW010';
    end if;
    version := p_declared;
  else
    -- The current one, where several say the same.
    select v.version into version from agent_versions v
      left join agents a on a.tenant_id = v.tenant_id and a.name = v.name and a.version = v.version
     where v.tenant_id = p_tenant and v.name = p_name and v.digest = p_digest
     order by a.version is null, v.created_at desc limit 1;
    if found then return; end if;
    select coalesce(max(v.version::bigint), 0) + 1 into v_number from agent_versions v
     where v.name = p_name and v.version ~ '^[0-9]{1,9}$'
       and (p_tenant = '*' or v.tenant_id in (p_tenant, '*'));
    version := v_number::text;
  end if;
  insert into agent_versions (tenant_id, name, version, declared, digest, definition, source,
                              created_by)
  values (p_tenant, p_name, version, p_declared <> '', p_digest, p_definition, p_source, p_by)
  on conflict do nothing;
  is_new := found;
end $_$;

CREATE FUNCTION agent_workers.keep_batch(b agent_workers.batches) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare v_now timestamptz := clock_timestamp(); v_jobs uuid[]; v_more boolean := false;
        v_numbers int[];
begin
  if b.deadline_at <= v_now and b.status in ('open', 'running') then
    b.status := 'stopping'; b.stop_as := 'expired'; b.reason := 'the deadline of its batch has passed';
  elsif b.status = 'running' and b.on_error = 'stop'
        and has_items(b.tenant_id, b.batch_id, 'failed') then
    b.status := 'stopping'; b.stop_as := 'failed'; b.reason := 'a job of the batch failed';
  end if;
  if b.status = 'running' then
    v_jobs := fill_batch(b);
    return query select b.tenant_id, id, 0, 'plan', 'plan', false, 0 from unnest(v_jobs) id limit 32;
  elsif b.status = 'stopping' then
    v_numbers := array(
      select number from batch_items
       where tenant_id = b.tenant_id and batch_id = b.batch_id and status = 'pending'
       order by number limit 2000 for update skip locked);
    update batch_items set status = 'canceled', input = ''
     where tenant_id = b.tenant_id and batch_id = b.batch_id and number = any (v_numbers);
    v_more := found;
    if b.stop_as <> 'failed' then perform stop_jobs_of(b, 200); end if;
  end if;
  update batches set status = b.status, stop_as = b.stop_as, reason = b.reason,
         look_at = case when v_more then v_now
                        when b.status = 'open' then coalesce(b.deadline_at, 'infinity')
                        else least(v_now + interval '1 second',
                                   case when b.costs then v_now + interval '300 ms' end,
                                   case when b.status = 'running' then b.deadline_at end) end
   where tenant_id = b.tenant_id and batch_id = b.batch_id and finished_at is null;
  perform finish_batch(b);
end $$;

CREATE FUNCTION agent_workers.keep_batches(p_limit integer, p_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
declare b batches;
begin
  for b in select * from batches where finished_at is null and look_at <= clock_timestamp()
              and look_at >= p_since
            order by look_at limit p_limit for no key update skip locked loop
    return query select * from keep_batch(b);
  end loop;
end $$;

CREATE FUNCTION agent_workers.keep_sessions(p_limit integer, p_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare s sessions; v_now timestamptz := clock_timestamp();
begin
  for s in select * from sessions where look_at <= v_now and look_at >= p_since
            order by look_at limit p_limit loop
    continue when not try_session(s.tenant_id, s.session_id);
    if exists (select from sessions where tenant_id = s.tenant_id and session_id = s.session_id
                  and look_at <= v_now and used_at + make_interval(secs => ttl_s) <= v_now
                  and not exists (select from session_turns t where t.tenant_id = s.tenant_id
                                     and t.session_id = s.session_id and t.state <> 'over')) then
      delete from session_messages where tenant_id = s.tenant_id and session_id = s.session_id
         and turn < coalesce((select turn from session_messages where tenant_id = s.tenant_id and
           session_id = s.session_id order by turn offset 5000 limit 1), 2147483647);
      delete from sessions where tenant_id = s.tenant_id and session_id = s.session_id
         and not exists (select from session_messages m where m.tenant_id = s.tenant_id
                            and m.session_id = s.session_id);
    else
      perform pass_turn(s.tenant_id, s.session_id);
    end if;
  end loop;
end $$;

CREATE FUNCTION agent_workers.keep_this_batch(p_tenant text, p_batch uuid) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
declare b batches;
begin
  select * into b from batches where tenant_id = p_tenant and batch_id = p_batch
     and finished_at is null for no key update skip locked;
  if found then return query select * from keep_batch(b); end if;
end $$;

CREATE FUNCTION agent_workers.label_of(p_name text, p_value text) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$
  select hashtextextended(length(p_name) || ':' || p_name || p_value, 0)
$$;

CREATE FUNCTION agent_workers.leave_children(p_tenant text, p_job uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  insert into timers (tenant_id, job_id, kind, due_at)
  select w.tenant_id, w.child_id, 'orphan', clock_timestamp()
    from waits w join jobs c on c.tenant_id = w.tenant_id and c.job_id = w.child_id
   where w.tenant_id = p_tenant and w.job_id = p_job and w.child_id is not null
     and c.finished_at is null
  on conflict do nothing;
end $$;

CREATE FUNCTION agent_workers.leave_session(j agent_workers.jobs) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare v_turn int; v_skipped boolean; v_late boolean := false;
        v_now timestamptz := clock_timestamp();
begin
  perform lock_session(j.tenant_id, j.session_id);
  select state = 'skipped' into v_skipped from session_turns
   where tenant_id = j.tenant_id and job_id = j.job_id;
  update session_turns set state = 'over' where tenant_id = j.tenant_id and job_id = j.job_id
     and state <> 'over' returning turn into v_turn;
  if not found then return; end if;
  -- What was cleared meanwhile stays cleared.
  if j.status = 'succeeded' and exists (
       select from session_messages where tenant_id = j.tenant_id and session_id = j.session_id
          and turn = v_turn and part = 0) then
    insert into session_messages (tenant_id, session_id, turn, part, message_id, role, content,
                                  job_id, at)
    values (j.tenant_id, j.session_id, v_turn, 1, gen_random_uuid(), 'assistant', j.output,
            j.job_id, v_now);
    v_late := v_skipped;
  end if;
  -- What is said late stands before what others may have read: they have copies of another past.
  update sessions set used_at = v_now,
                      version = case when v_late then gen_random_uuid() else version end
   where tenant_id = j.tenant_id and session_id = j.session_id;
  perform pass_turn(j.tenant_id, j.session_id);
end $$;

CREATE FUNCTION agent_workers.leave_tool_place(p_tool text, p_most integer, p_tenant text, p_job uuid, p_position integer, p_fence integer) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
begin
  perform lock_tool_places(p_tool);
  delete from tool_places p where p.tool = p_tool and p.tenant_id = p_tenant and p.job_id = p_job
     and p.position = p_position and p.fence = p_fence;
  if not found then return; end if;
  return query select * from give_tool_places(p_tool, p_most, p_tenant, 2147483647);
end $$;

CREATE FUNCTION agent_workers.left_in_budgets(p_tenant text) RETURNS bigint
    LANGUAGE plpgsql STABLE
    AS $$
begin
  return (select min(limit_micro - spent_micro - reserved_micro) from budgets
           where tenant_id = p_tenant);
end $$;

CREATE FUNCTION agent_workers.limit_reached(p_code text, p_message text) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    AS $$
  select convert_to(format(
    '{"code":"%s","message":%s,"retryable":false,"cause":null,"user_message":"%s"}', p_code,
    to_json(p_message), 'This took more work, time or money than it was allowed to.'), 'UTF8')
$$;

CREATE FUNCTION agent_workers.list_chunk_words() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  new.words := setweight(to_tsvector('english', new.heading), 'A')
               || setweight(to_tsvector('english', new.content), 'D');
  return new;
end $$;

CREATE FUNCTION agent_workers.live_runs(p_tenant text, p_schedule uuid) RETURNS integer
    LANGUAGE plpgsql
    AS $$
begin
  update schedule_runs r set state = 'ended'
   where r.tenant_id = p_tenant and r.schedule_id = p_schedule and r.state = 'started'
     and not run_is_live(p_tenant, r.job_id, r.batch_id);
  return (select count(*) from schedule_runs
           where tenant_id = p_tenant and schedule_id = p_schedule and state = 'started');
end $$;

CREATE TABLE agent_workers.worker_reports (
    report_id uuid NOT NULL,
    name text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    lanes text[] NOT NULL,
    pool text NOT NULL,
    slots integer NOT NULL,
    agents jsonb NOT NULL,
    tools text[] NOT NULL,
    models jsonb NOT NULL,
    secrets text[] NOT NULL,
    abilities jsonb NOT NULL,
    stopping boolean DEFAULT false NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT worker_reports_abilities_check CHECK ((jsonb_typeof(abilities) = 'object'::text)),
    CONSTRAINT worker_reports_agents_check CHECK ((jsonb_typeof(agents) = 'object'::text)),
    CONSTRAINT worker_reports_models_check CHECK ((jsonb_typeof(models) = 'object'::text))
);

CREATE FUNCTION agent_workers.living_reports() RETURNS SETOF agent_workers.worker_reports
    LANGUAGE sql STABLE
    AS $$
  select * from worker_reports where seen_at > clock_timestamp() - interval '35 seconds'
$$;

CREATE FUNCTION agent_workers.lock_budgets(j agent_workers.jobs) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare v_settles int; v_locked int;
begin
  if j.allowance_micro = 0 then return true; end if;
  select count(*) into v_settles from reservations
   where tenant_id = j.tenant_id and job_id = j.job_id and settled_at is null;
  perform 1 from budgets join reservations r using (tenant_id, budget_id)
    where r.tenant_id = j.tenant_id and r.job_id = j.job_id and r.settled_at is null
      for update of budgets skip locked;
  get diagnostics v_locked = row_count;
  return v_locked = v_settles;
end $$;

CREATE FUNCTION agent_workers.lock_mail(p_tenant text, p_job uuid) RETURNS void
    LANGUAGE sql
    AS $$
  select pg_advisory_xact_lock(hashtextextended('mail ' || p_tenant || p_job, 0))
$$;

CREATE FUNCTION agent_workers.lock_memories(p_tenant text, p_user text) RETURNS void
    LANGUAGE sql
    AS $$
  select pg_advisory_xact_lock(hashtextextended(p_tenant || E'\x1f' || p_user, 4711))
$$;

CREATE FUNCTION agent_workers.lock_parent(j agent_workers.jobs) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.lock_session(p_tenant text, p_session text) RETURNS void
    LANGUAGE sql
    AS $$
  select pg_advisory_xact_lock(session_lock(p_tenant, p_session))
$$;

CREATE FUNCTION agent_workers.lock_tool_places(p_tool text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  perform pg_advisory_xact_lock(hashtextextended(p_tool, 4712));
  delete from tool_places p where p.tool = p_tool and (
    p.free_at <= clock_timestamp() - case when p.worker_id is null then interval '1 minute' else '0' end
    or p.registered and not exists (
      select from workers w where w.worker_id = p.worker_id
         -- It may only have lost its connection, and its calls go on.
         and (w.lost_at is null or w.lost_at > clock_timestamp() - interval '5 seconds')));
end $$;

CREATE FUNCTION agent_workers.look_around(p_since timestamp with time zone[], p_writers text[], p_writers_since timestamp with time zone[], p_worker uuid, p_host text, p_holds boolean) RETURNS agent_workers.seen
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    AS $$
declare
  v seen; v_late timestamptz; v_since timestamptz[]; v_before bigint := entries_passed();
  v_soon timestamptz := clock_timestamp() + interval '2 seconds';
begin
  v.at := statement_timestamp();
  v.writing := array(select transactionid::text from pg_locks
                      where locktype = 'transactionid' and mode = 'ExclusiveLock' and granted);
  select coalesce(min(since), 'infinity') into v_late
    from unnest(p_writers, p_writers_since) w (writer, since) where writer <> all (v.writing);
  select array_agg(least(since, v_late) order by n) into v_since
    from unnest(p_since) with ordinality s (since, n);
  select min(first.ring_at) into v.ring_at
    from unnest(array['evaluate', 'tool', 'effect', 'plan']) as wanted (lane),
         lateral (select steps.ring_at from steps
                   where steps.lane = wanted.lane and status = 'ready'
                     and steps.ring_at between v_since[1] and v_soon
                   order by steps.ring_at limit 1) first;
  select s.lease_until into v.lease_until from steps s
   where status = 'claimed' and s.lease_until between v_since[2] and v_soon
   order by s.lease_until limit 1;
  select due_at into v.timer_at from timers
   where due_at between v_since[3] and v_soon order by due_at limit 1;
  select look_at into v.batch_at from batches
   where finished_at is null and look_at between v_since[4] and v_soon
   order by look_at limit 1;
  select look_at into v.session_at from sessions
   where look_at between v_since[5] and v_soon order by look_at limit 1;
  v.lost := exists (select from unlocked_workers());
  select json_agg(json_build_array(worker_id, pid, pid_started)) into v.neighbours from workers
   where host = p_host;
  v.passed := entries_passed() - v_before;
  v.holds := p_holds and exists (
    select from steps s where status = 'claimed' and s.lease_until >= v_since[2]
       and claimed_by = p_worker and claimed_at < v.at - interval '3 seconds');
  v.breakers := exists (select from breakers where state <> 'closed')
                or exists (select from waits where kind = 'breaker' and answered_at is null);
  v.mcp_versions := array[(select coalesce(sum(version), 0) from mcp_servers),
                          (select coalesce(sum(version), 0) from mcp_tools)];
  v.mcp_due := exists (select from mcp_servers where refresh_due_at <= v.at and state = 'enabled');
  v.passed_for_holds := entries_passed() - v_before - v.passed;
  return v;
end $$;

CREATE FUNCTION agent_workers.look_at_turn(p_tenant text, p_job uuid) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare
  j jobs; t session_turns; p record; v_waiting int; v_until timestamptz := 'infinity';
  v_now timestamptz := clock_timestamp();
begin
  perform commit_durably();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job;
  select * into t from session_turns where tenant_id = p_tenant and job_id = p_job;
  if not is_stuck(j.status) or t.state is distinct from 'now' then
    delete from timers where tenant_id = p_tenant and job_id = p_job and kind = 'stuck';
    return;
  end if;
  select count(*) into v_waiting from session_turns
   where tenant_id = p_tenant and session_id = t.session_id and state = 'waiting';
  select * into p from stuck_policy(j);
  if v_waiting > 0 then
    if t.stuck_at is null then
      t.stuck_at := v_now;
      perform tell_stuck(j, v_now, v_waiting, p.policy, p.patience);
    end if;
    if p.policy <> 'wait' then v_until := t.stuck_at + p.patience; end if;
  end if;
  if v_until > v_now then
    update timers set due_at = v_until
     where tenant_id = p_tenant and job_id = p_job and kind = 'stuck';
  else
    delete from timers where tenant_id = p_tenant and job_id = p_job and kind = 'stuck';
    perform end_stuck(j, p.policy, v_waiting);
  end if;
end $$;

CREATE FUNCTION agent_workers.look_back_for(p_tenant text, p_job uuid, p_position integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare v_kept text := current_setting('agent_workers.ready_since', true);
begin
  if coalesce(v_kept, '') <> '' and exists (
    select from steps where tenant_id = p_tenant and job_id = p_job and position = p_position
       and coalesce(status, '') = 'ready'
       and due_at < (v_kept::timestamptz[])[array_position('{plan,tool,effect,evaluate}', lane)]) then
    perform set_config('agent_workers.ready_since', '', false);
  end if;
end $$;

CREATE FUNCTION agent_workers.look_for_turns(p_lanes text[], p_after text) RETURNS text[]
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_sort TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
  v_now timestamptz := clock_timestamp(); v_until interval := '200 ms';
  v_at text := p_after; v_due boolean; v_turns text[] := '{}'; v_wrapped boolean := false;
  v_walked int := 0; v_before bigint;
begin
  -- What has waited for a moment only waits for nobody's turn.
  if not exists (
    select from unnest(p_lanes, ready_since(p_lanes)) as wanted (lane, since),
           lateral (select from steps
                     where steps.lane = wanted.lane and status = 'ready'
                       and due_at <= v_now - interval '100 ms'
                       and due_at >= coalesce(wanted.since, '-infinity')
                     order by due_at limit 1) waiting) then
    return array[(v_now + v_until)::text, p_after];
  end if;
  v_before := pg_stat_get_xact_tuples_returned('steps_turns_idx'::regclass);
  while v_walked < 1000 and cardinality(v_turns) < 64 loop
    select s.tenant_id, min(s.due_at) <= v_now into v_at, v_due
      from unnest(p_lanes) as wanted (lane),
           lateral (select tenant_id, due_at from steps
                     where steps.lane = wanted.lane and status = 'ready' and tenant_id > v_at
                     order by tenant_id, due_at limit 1) s
     group by s.tenant_id order by s.tenant_id limit 1;
    if v_at is null then
      exit when v_wrapped;
      v_wrapped := true;
      v_at := '';
      continue;
    end if;
    exit when v_wrapped and v_at > p_after;
    if v_due then v_turns := v_turns || v_at; end if;
    v_walked := v_walked + 1;
    exit when v_wrapped and v_at = p_after;
  end loop;
  v_until := greatest(v_until, v_walked * interval '2 ms',
    (pg_stat_get_xact_tuples_returned('steps_turns_idx'::regclass) - v_before)
      * interval '30 microseconds');
  -- A look that did not come round does not know that this one waits alone.
  if v_walked = 1000 and cardinality(v_turns) = 1 then v_turns := v_turns || v_turns; end if;
  return array[(v_now + v_until)::text,
               case when cardinality(v_turns) = 0 then coalesce(v_at, p_after) else p_after end]
         || v_turns;
end $$;

CREATE FUNCTION agent_workers.mark_doubt(e agent_workers.effects, p_reason text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare v_reason text := coalesce(nullif(p_reason, ''),
        'An attempt gave no answer; nobody knows whether it took effect'); v_data bytea;
begin
  update effects set state = 'in_doubt', doubt_reason = v_reason, doubted_at = clock_timestamp()
   where tenant_id = e.tenant_id and effect_key = e.effect_key and state = 'intended';
  v_data := convert_to(json_build_object('position', e.position, 'effect_key', e.effect_key,
                                         'reason', v_reason)::text, 'UTF8');
  perform note(e.tenant_id, e.job_id, 'in_doubt', v_data);
  perform announce(e.tenant_id, e.job_id, 'job.in_doubt', v_data);
end $$;

CREATE FUNCTION agent_workers.may_end(j agent_workers.jobs) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
begin
  return lock_budgets(j) and lock_parent(j)
         and (j.session_id = '' or try_session(j.tenant_id, j.session_id));
end $$;

CREATE FUNCTION agent_workers.may_sweep(p_name text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
begin
  return pg_try_advisory_xact_lock(hashtextextended('sweep ' || p_name, 0));
end $$;

CREATE FUNCTION agent_workers.mcp_counted() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  new.version := old.version + 1;
  return new;
end $$;

CREATE FUNCTION agent_workers.mcp_forget() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  update mcp_tools
     set approved = null, approved_hash = null, approved_at = null, approved_by = '',
         seen = null, seen_hash = null, seen_at = null, hints = '{}', effect = 'unsafe',
         key_ttl_s = null, key_argument = '', errors_are_final = false, enabled = true
   where tenant_id = new.tenant_id and server = new.name;
  return null;
end $$;

CREATE FUNCTION agent_workers.missing_worker(p_is_asked boolean, p_tenant text, p_job uuid, p_lane text, p_key text, p_prompt bytea, OUT key text, OUT message text) RETURNS record
    LANGUAGE plpgsql STABLE
    AS $$
declare j jobs; v record; v_tool text; v_seen record;
begin
  if not coalesce(p_is_asked, false) then return; end if;
  if not exists (select from living_reports() where p_lane = any (lanes) and not stopping) then
    key := 'lane:' || p_lane;
    message := format('nothing serves lane %s: run `agent-workers worker --lanes %s --pool %s`', p_lane,
                      p_lane, case p_lane when 'effect' then 'prefork' else 'threads' end);
    return;
  end if;
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job;
  select name, source, definition into v from agent_versions
   where tenant_id in (p_tenant, '*') and name = j.agent and version = j.agent_version
   order by tenant_id = '*' limit 1;
  if v.source = 'python' and not exists (
       select from living_reports() where p_lane = any (lanes) and not stopping and agents ? j.agent) then
    select seen_at, host into v_seen from (
      select seen_at, host from worker_reports where agents ? j.agent
      union all
      select last_seen_at, last_seen_on from agents
       where tenant_id = '*' and name = j.agent and last_seen_at is not null) s
     order by seen_at desc limit 1;
    key := 'agent:' || j.agent;
    message := format('no running worker of lane %s has agent %L%s: run `agent-workers worker --tools '
      'MODULE` with its module, or cancel the job', p_lane, j.agent,
      ' (last seen ' || ago(v_seen.seen_at) || ' on host ' || v_seen.host || ')');
    return;
  end if;
  select t->>'name' into v_tool from jsonb_array_elements(v.definition->'tools') t
   where v.source = 'yaml' and exists (select from tools where tools.name = t->>'name')
     and not exists (select from living_reports() r
                      where p_lane = any (lanes) and not stopping and t->>'name' = any (r.tools)) limit 1;
  if found then
    key := 'tool:' || v_tool;
    message := format('no running worker of lane %s has tool %L of agent %L: run `agent-workers worker '
                      '--tools MODULE` with a module that has it', p_lane, v_tool, j.agent);
  elsif p_prompt is not null then
    key := p_key;
    message := format('the worker that last looked cannot do it: %s',
                      convert_from(p_prompt, 'UTF8')::json->>'message');
  end if;
end $$;

CREATE FUNCTION agent_workers.new_job_id() RETURNS uuid
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'agent_workers', 'pg_temp'
    AS $$
  select (left(h, 12) || '7' || substr(h, 14))::uuid
    from (select lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
                 || substr(replace(gen_random_uuid()::text, '-', ''), 13) as h) t
$$;

CREATE FUNCTION agent_workers.next_at_tool(p_tool text, p_after text, p_fewer integer, p_past text[]) RETURNS text
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_at text := p_after; v_best text; v_fewest int := p_fewer; v_held int; v_wrapped boolean := false;
begin
  while v_fewest > 0 loop
    select tenant_id into v_at from waits
     where kind = 'place' and answered_at is null and key = p_tool and tenant_id > v_at
     order by tenant_id limit 1;
    if not found then
      exit when v_wrapped;
      v_wrapped := true;
      v_at := '';
      continue;
    end if;
    exit when v_wrapped and v_at > p_after;
    continue when v_at = any (p_past);
    v_held := places_of(p_tool, v_at);
    if v_held < v_fewest then
      v_best := v_at;
      v_fewest := v_held;
    end if;
  end loop;
  return v_best;
end $$;

CREATE FUNCTION agent_workers.next_tenant(p_behind boolean, p_after text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    AS $$
declare v_tenant text := p_after; v_due timestamptz;
begin
  if not p_behind then
    return (select tenant_id from webhook_deliveries
             where status = 'pending' and not behind and tenant_id > p_after
             order by tenant_id limit 1);
  end if;
  -- Mostly nothing is due behind, and no tenant has to be asked.
  if not exists (select from webhook_deliveries
                  where status = 'pending' and behind and due_at <= clock_timestamp()) then
    return null;
  end if;
  loop
    select tenant_id, due_at into v_tenant, v_due from webhook_deliveries
     where status = 'pending' and behind and tenant_id > v_tenant
     order by tenant_id, due_at limit 1;
    if not found or v_due <= clock_timestamp() then return v_tenant; end if;
  end loop;
end $$;

CREATE FUNCTION agent_workers.note(p_tenant text, p_job uuid, p_type text, p_data bytea, p_more integer DEFAULT 0) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare v_number int; v_bytes int := octet_length(p_data) + p_more;
begin
  update jobs set journal_number = journal_number + 1, bytes = bytes + v_bytes
   where tenant_id = p_tenant and job_id = p_job returning journal_number into v_number;
  perform write_journal(p_tenant, p_job, v_number, p_type, p_data, v_bytes);
  return v_number;
end $$;

CREATE FUNCTION agent_workers.note_bytes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'agent_workers', 'pg_temp'
    AS $$
begin
  if tg_op = 'DELETE' then
    insert into bytes_changes (tenant_id, bytes)
    select tenant_id, -sum(octet_length(record_send(gone))) from gone group by tenant_id;
  else
    insert into bytes_changes (tenant_id, bytes)
    select tenant_id, sum(octet_length(record_send(come))) from come group by tenant_id;
    if tg_argv[0] = 'asked' then
      perform check_bytes(array(select distinct tenant_id from come));
    end if;
  end if;
  return null;
end $$;

CREATE FUNCTION agent_workers.note_bytes_said() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'agent_workers', 'pg_temp'
    AS $$
begin
  insert into bytes_changes (tenant_id, bytes)
  values (old.tenant_id, case tg_op when 'DELETE' then 0 else new.bytes end - old.bytes);
  return null;
end $$;

CREATE TABLE agent_workers.webhook_targets (
    tenant_id text NOT NULL,
    target_id uuid NOT NULL,
    failing_since timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    paused_until timestamp with time zone,
    answered_at timestamp with time zone
);

CREATE FUNCTION agent_workers.note_target(p_tenant text, p_target uuid, p_succeeded boolean, p_pause_ms bigint) RETURNS agent_workers.webhook_targets
    LANGUAGE plpgsql
    AS $$
declare t webhook_targets; v_now timestamptz := clock_timestamp();
begin
  if p_succeeded then
    insert into webhook_targets as w (tenant_id, target_id, answered_at)
    values (p_tenant, p_target, v_now)
    on conflict (tenant_id, target_id) do update
       set failures = 0, failing_since = null, paused_until = null, answered_at = v_now
     where w.failures > 0 or w.answered_at < v_now - interval '1 day';
    if found then perform put_forward(p_tenant, p_target); end if;
    return null;
  end if;
  insert into webhook_targets as w (tenant_id, target_id, failing_since, failures, paused_until)
  values (p_tenant, p_target, v_now, 1, v_now + make_interval(secs => p_pause_ms / 1000.0))
  on conflict (tenant_id, target_id) do update
     set failures = w.failures + 1, failing_since = coalesce(w.failing_since, v_now),
         paused_until = greatest(w.paused_until, excluded.paused_until)
  returning * into t;
  if t.failures = 1 then perform put_behind(p_tenant, p_target); end if;
  return t;
end $$;

CREATE FUNCTION agent_workers.only_count() RETURNS void
    LANGUAGE sql
    AS $$
  select set_config('agent_workers.only_counts', 'on', true)
$$;

CREATE FUNCTION agent_workers.only_waits(p_tenant text, p_job uuid, p_open integer) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
declare v_now timestamptz := clock_timestamp();
begin
  return not exists (select from open_steps(p_tenant, p_job, p_open)
                      where status = 'claimed' or (status = 'ready' and due_at <= v_now));
end $$;

CREATE FUNCTION agent_workers.open_batch(p_tenant text, p_batch uuid, p_spec jsonb) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.open_permits(p_since timestamp with time zone) RETURNS TABLE(tenant_id text, effect_key uuid, attempt integer)
    LANGUAGE sql
    AS $$
  select p.tenant_id, p.effect_key, p.attempt from permits p join effects e using (tenant_id, effect_key)
   where (p.says is null or p.says = 'unknown') and e.state in ('intended', 'in_doubt')
     and p.quiet_after > p_since
$$;

CREATE TABLE agent_workers.sessions (
    tenant_id text NOT NULL,
    session_id text NOT NULL,
    user_id text DEFAULT ''::text NOT NULL,
    version uuid DEFAULT gen_random_uuid() NOT NULL,
    last_turn integer DEFAULT 0 NOT NULL,
    ttl_s integer DEFAULT 3600 NOT NULL,
    summary bytea,
    summed_to integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    used_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    look_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT sessions_summary_check CHECK ((((summary IS NULL) = (summed_to = 0)) AND (summed_to <= last_turn))),
    CONSTRAINT sessions_ttl_check CHECK ((ttl_s > 0))
);

CREATE FUNCTION agent_workers.open_session(p_tenant text, p_session text, p_user text, p_ttl_s integer) RETURNS agent_workers.sessions
    LANGUAGE plpgsql
    AS $$
declare s sessions; v_now timestamptz := clock_timestamp();
begin
  delete from sessions d where tenant_id = p_tenant and session_id = p_session
     and used_at + make_interval(secs => ttl_s) <= v_now
     and not exists (select from session_turns t where t.tenant_id = p_tenant
                        and t.session_id = p_session and t.state <> 'over');
  select * into s from sessions where tenant_id = p_tenant and session_id = p_session;
  if not found then
    insert into sessions (tenant_id, session_id, user_id, ttl_s)
    values (p_tenant, p_session, coalesce(p_user, ''), coalesce(p_ttl_s, 3600)) returning * into s;
  end if;
  return s;
end $$;

CREATE FUNCTION agent_workers.open_steps(p_tenant text, p_job uuid, p_open integer) RETURNS SETOF agent_workers.steps
    LANGUAGE plpgsql STABLE ROWS 10
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_sort TO 'off'
    AS $$
begin
  return query select * from steps
    where tenant_id = p_tenant and job_id = p_job
      and status in ('ready', 'claimed', 'paused', 'in_doubt', 'quarantined')
    order by position desc limit p_open;
end $$;

CREATE FUNCTION agent_workers.others_wait(p_tenant text, p_lanes text[]) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
begin
  return p_tenant <> any ((turns_in(p_lanes))[3:]);
end $$;

CREATE FUNCTION agent_workers.park_step(p_tenant text, p_job uuid, p_position integer, p_fence integer, p_hold bigint, p_keeps_hold boolean, p_cost bigint, p_kind text, p_key text, p_timeout_ms bigint, p_prompt bytea, p_child uuid, p_agent text, p_input bytea, p_asked bigint, p_reserve bigint, p_max_steps integer, p_trouble bytea) RETURNS agent_workers.recorded
    LANGUAGE plpgsql
    AS $_$
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
end $_$;

CREATE FUNCTION agent_workers.pass_deadlines(p_limit integer, p_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
declare t record;
begin
  for t in select timers.*, jobs as job from timers join jobs using (tenant_id, job_id)
            where timers.due_at <= clock_timestamp() and timers.due_at >= p_since
            order by timers.due_at limit p_limit
              for no key update of jobs skip locked loop
    continue when not may_end(t.job);
    if t.kind = 'stuck' then
      perform look_at_turn(t.tenant_id, t.job_id);
    elsif t.kind = 'orphan' then
      perform stop_job(t.tenant_id, t.job_id, 'canceled', null, 'its parent has ended', true);
    elsif t.kind = 'interrupt' then
      perform stop_job(t.tenant_id, t.job_id, 'canceled', null, 'interrupted by the next message',
                       true);
    elsif t.kind = 'replaced' then
      perform stop_job(t.tenant_id, t.job_id, 'canceled', null, 'replaced by the next run', false);
    elsif t.kind = 'budget' then
      perform stop_job(t.tenant_id, t.job_id, 'failed',
                       limit_reached('budget_spent', 'the job could not pay for its next step'),
                       'budget', false);
    else
      perform stop_job(t.tenant_id, t.job_id, 'failed',
                       limit_reached('deadline_exceeded', 'the job did not end by its deadline'),
                       'deadline', true);
    end if;
    -- A turn that is stuck may stay so: its timer was set anew.
    if t.kind <> 'stuck' then
      delete from timers where tenant_id = t.tenant_id and job_id = t.job_id and kind = t.kind;
    end if;
    return next (t.tenant_id, t.job_id, null, null, null, false, 0)::ring;
  end loop;
end $$;

CREATE FUNCTION agent_workers.pass_turn(p_tenant text, p_session text) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare t session_turns; v_now timestamptz := clock_timestamp(); v_due timestamptz;
begin
  select * into t from session_turns
   where tenant_id = p_tenant and session_id = p_session and state in ('waiting', 'now')
   order by turn limit 1;
  if not found then
    -- A skipped turn is somebody's to end, and passes the turn on to nobody then.
    update sessions s set look_at = case
        when exists (select from session_turns o where o.tenant_id = p_tenant
                        and o.session_id = p_session and o.state <> 'over') then 'infinity'
        else used_at + make_interval(secs => ttl_s) end
     where tenant_id = p_tenant and session_id = p_session;
    return;
  end if;
  if t.state = 'waiting' then
    perform 1 from steps where tenant_id = t.tenant_id and job_id = t.job_id and position = 0
       for update skip locked;
    if not found then
      update sessions set look_at = v_now where tenant_id = p_tenant and session_id = p_session;
      return;
    end if;
    v_due := case when t.due_at > v_now then t.due_at
                  else v_now - make_interval(mins => (select priority from jobs
                         where tenant_id = t.tenant_id and job_id = t.job_id)) end;
    update session_turns set state = 'now' where tenant_id = t.tenant_id and job_id = t.job_id;
    update steps set due_at = v_due, ring_at = greatest(v_due, v_now), rings = 0
     where tenant_id = t.tenant_id and job_id = t.job_id and position = 0;
  end if;
  update sessions set look_at = case when watch_again(p_tenant, t.job_id) then 'infinity'
                                     else v_now + interval '1 second' end
   where tenant_id = p_tenant and session_id = p_session;
end $$;

CREATE FUNCTION agent_workers.pause_job(p_tenant text, p_job uuid, p_reason text) RETURNS text
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.pay_for(j agent_workers.jobs, p_hold bigint, OUT says text, OUT drawn bigint) RETURNS record
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.places_of(p_tool text, p_tenant text) RETURNS integer
    LANGUAGE sql
    AS $$
  select count(*) from tool_places where tool = p_tool and tenant_id = p_tenant
$$;

CREATE FUNCTION agent_workers.plain_job(p_tenant text, p_agent text) RETURNS agent_workers.submission
    LANGUAGE plpgsql STABLE
    AS $$
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

CREATE FUNCTION agent_workers.promote_run(p_tenant text, p_schedule uuid, p_fire_at timestamp with time zone, p_overlap text, p_target agent_workers.run_target) RETURNS text
    LANGUAGE plpgsql
    AS $$
begin
  if p_overlap <> 'allow' and live_runs(p_tenant, p_schedule) > 0 then return 'waiting'; end if;
  return start_run(p_tenant, p_schedule, p_fire_at, p_target);
end $$;

CREATE FUNCTION agent_workers.put_behind(p_tenant text, p_target uuid) RETURNS void
    LANGUAGE sql
    AS $$
  update webhook_deliveries d set behind = true
    from (select tenant_id, delivery_id from webhook_deliveries
           where tenant_id = p_tenant and target_id = p_target and status = 'pending' and not behind
           order by due_at limit 1000 for update skip locked) w
   where d.tenant_id = w.tenant_id and d.delivery_id = w.delivery_id
$$;

CREATE FUNCTION agent_workers.put_forward(p_tenant text, p_target uuid) RETURNS void
    LANGUAGE sql
    AS $$
  update webhook_deliveries d set behind = false
    from (select tenant_id, delivery_id from webhook_deliveries
           where tenant_id = p_tenant and target_id = p_target and status = 'pending' and behind
             and due_at <= clock_timestamp()
           order by due_at limit 1000 for update skip locked) w
   where d.tenant_id = w.tenant_id and d.delivery_id = w.delivery_id
$$;

CREATE FUNCTION agent_workers.put_off(p_tenant text, p_target uuid, p_until timestamp with time zone) RETURNS void
    LANGUAGE sql
    AS $$
  update webhook_deliveries d
     set due_at = p_until + interval '1 microsecond' * w.place
    from (select tenant_id, delivery_id, row_number() over (order by due_at) as place from (
            select tenant_id, delivery_id, due_at from webhook_deliveries
             where tenant_id = p_tenant and target_id = p_target and status = 'pending' and due_at < p_until
             order by due_at limit 1000 for update skip locked) l) w
   where d.tenant_id = w.tenant_id and d.delivery_id = w.delivery_id
$$;

CREATE FUNCTION agent_workers.query_of_lexeme(p_lexeme text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT
    AS $$
  select ('''' || replace(replace(p_lexeme, '\', '\\'), '''', '''''') || '''')::tsquery
$$;

CREATE TABLE agent_workers.permits (
    tenant_id text NOT NULL,
    effect_key uuid NOT NULL,
    attempt integer NOT NULL,
    cls text NOT NULL,
    mode text NOT NULL,
    fence integer NOT NULL,
    worker_id uuid NOT NULL,
    granted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    quiet_after timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    key_expires_at timestamp with time zone,
    says text,
    source text,
    checked_at timestamp with time zone,
    refused_for_good boolean DEFAULT false NOT NULL,
    quiet_time interval,
    settle_ms bigint DEFAULT 0 NOT NULL,
    holder_gone_at timestamp with time zone,
    CONSTRAINT permits_absent_needs_quiet_check CHECK (((says IS DISTINCT FROM 'absent'::text) OR ((checked_at IS NOT NULL) AND (checked_at >= quiet_after)))),
    CONSTRAINT permits_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT permits_cls_check CHECK ((cls = ANY (ARRAY['keyed'::text, 'reconcilable'::text, 'unsafe'::text]))),
    CONSTRAINT permits_key_life_check CHECK ((((cls = 'keyed'::text) = (key_expires_at IS NOT NULL)) AND ((key_expires_at IS NULL) OR (granted_at < key_expires_at)))),
    CONSTRAINT permits_mode_check CHECK ((mode = ANY (ARRAY['first'::text, 'same_key'::text, 'after_refusal'::text, 'after_absent'::text, 'after_verdict'::text, 'repeat'::text]))),
    CONSTRAINT permits_quiet_check CHECK ((quiet_after > granted_at)),
    CONSTRAINT permits_refusal_is_a_reply_check CHECK (((says IS DISTINCT FROM 'not_executed'::text) OR (source = 'reply'::text))),
    CONSTRAINT permits_same_key_check CHECK (((mode <> 'same_key'::text) OR (cls = 'keyed'::text))),
    CONSTRAINT permits_says_check CHECK ((says = ANY (ARRAY['happened'::text, 'not_executed'::text, 'absent'::text, 'unknown'::text]))),
    CONSTRAINT permits_source_check CHECK ((((says IS NULL) = (source IS NULL)) AND ((source IS NULL) OR (source = ANY (ARRAY['reply'::text, 'lookup'::text, 'verdict'::text, 'assumed'::text])))))
);

CREATE FUNCTION agent_workers.quiet_of(p agent_workers.permits) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    AS $$
  select greatest(p.quiet_after, case when p.says is null and p.holder_gone_at is null
                                      then p.key_expires_at end)
$$;

CREATE FUNCTION agent_workers.quota_by_default(p_kind text) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$
  select case p_kind
    when 'agents' then 1000
    when 'batches' then 1000
    when 'bytes' then 53687091200
    when 'knowledge_documents' then 100000
    when 'mcp_servers' then 50
    when 'memories' then 1000000
    when 'schedules' then 500
    when 'sessions' then 1000000
    when 'triggers' then 200
    when 'webhook_endpoints' then 50
  end::bigint
$$;

CREATE FUNCTION agent_workers.quota_is_reached(p_tenant text, p_kind text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  select coalesce((
    select used - (select count(*) from quota_returns where tenant_id = p_tenant and kind = p_kind)
           >= coalesce(most, quota_by_default(p_kind))
      from quotas where tenant_id = p_tenant and kind = p_kind), quota_by_default(p_kind) <= 0)
$$;

CREATE FUNCTION agent_workers.ready_passed() RETURNS bigint
    LANGUAGE sql
    AS $$
  select pg_stat_get_xact_tuples_returned('steps_ready_idx'::regclass)
       + pg_stat_get_xact_tuples_returned('steps_turns_idx'::regclass)
$$;

CREATE FUNCTION agent_workers.ready_since(p_lanes text[]) RETURNS timestamp with time zone[]
    LANGUAGE plpgsql STABLE
    AS $$
declare v_kept text := current_setting('agent_workers.ready_since', true); v_since timestamptz[];
begin
  if coalesce(v_kept, '') = '' then return null; end if;
  v_since := v_kept::timestamptz[];
  -- The last one says until when the others hold.
  if clock_timestamp() >= v_since[5] then return null; end if;
  return array(select v_since[array_position('{plan,tool,effect,evaluate}', lane)]
                 from unnest(p_lanes) lane);
end $$;

CREATE FUNCTION agent_workers.record_and_claim(p agent_workers.step_record, p_next text[], p_look_further boolean, p_yields boolean, p_barred text[]) RETURNS TABLE(r agent_workers.recorded, c agent_workers.claimed_step)
    LANGUAGE plpgsql
    AS $$
begin
  r := record_step(p, case when p_yields then p_next end);
  if r.carried = 0 then
    select * into c
      from claim_next(p_next, p.worker_id, p.task_id, p_look_further, p_barred);
  end if;
  return next;
end $$;

CREATE FUNCTION agent_workers.record_attempt(p_tenant text, p_delivery uuid, p_fence integer, p_duration_ms integer, p_status_code integer, p_error text, p_response text, p_then text, p_delay_ms bigint, p_pause_ms bigint, p_disable text, p_patience interval) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare
  d webhook_deliveries; t webhook_targets; v_now timestamptz := clock_timestamp();
begin
  insert into webhook_attempts (tenant_id, delivery_id, number, at, duration_ms, status_code,
                                error, response)
  values (p_tenant, p_delivery, p_fence, v_now - make_interval(secs => p_duration_ms / 1000.0),
          p_duration_ms, p_status_code, p_error, p_response)
  on conflict (tenant_id, delivery_id, number) do update
     set at = excluded.at, duration_ms = excluded.duration_ms, error = excluded.error,
         status_code = excluded.status_code, response = excluded.response;
  update webhook_deliveries
     set status = p_then, lease_until = null, tries = tries + 1, last_error = p_error,
         last_status_code = p_status_code,
         due_at = v_now + make_interval(secs => p_delay_ms / 1000.0),
         behind = p_then = 'pending',
         finished_at = case when p_then <> 'pending' then v_now end
   where tenant_id = p_tenant and delivery_id = p_delivery and fence = p_fence
     and status in ('sending', 'pending')
  returning * into d;
  if not found then
    if p_disable is null then return 'fenced'; end if;
    select * into d from webhook_deliveries where tenant_id = p_tenant and delivery_id = p_delivery;
    if not found then return 'fenced'; end if;
  end if;
  t := note_target(p_tenant, d.target_id, p_then = 'succeeded', p_pause_ms);
  if d.endpoint_id is null then return 'recorded'; end if;
  if p_disable is null and p_then <> 'succeeded' and t.failures > 1
     and t.failing_since < v_now - p_patience then
    p_disable := 'no delivery has succeeded since ' || to_char(t.failing_since at time zone 'UTC',
                                                               'YYYY-MM-DD"T"HH24:MI:SS"Z"');
  end if;
  if p_disable is not null and disable_endpoint(p_tenant, d.endpoint_id, p_disable) then
    return 'disabled';
  end if;
  return 'recorded';
end $$;

CREATE FUNCTION agent_workers.record_step(p agent_workers.step_record, p_yield text[]) RETURNS agent_workers.recorded
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.recover_deliveries(p_tenant text, p_endpoint uuid, p_since timestamp with time zone, p_until timestamp with time zone) RETURNS integer
    LANGUAGE sql
    AS $$
  with again as (
    update webhook_deliveries
       set status = 'pending', tries = 0, due_at = clock_timestamp(), finished_at = null,
           behind = false
     where tenant_id = p_tenant and endpoint_id = p_endpoint and status = 'failed'
       and created_at >= p_since and created_at < p_until returning 1)
  select count(*)::int from again
$$;

CREATE FUNCTION agent_workers.refusal(p_code text, p_message text) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    AS $$
  select convert_to(json_build_object('status', 'refused', 'error', json_build_object(
    'code', p_code, 'message', p_message))::text, 'UTF8')
$$;

CREATE FUNCTION agent_workers.refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  raise exception '%: %', tg_table_name, tg_argv[0] using errcode = 'AW002';
end $$;

CREATE FUNCTION agent_workers.register_tools(p_tools jsonb) RETURNS void
    LANGUAGE sql
    AS $$
  insert into tools (name, definition)
  select t->>'name', t - 'name' from jsonb_array_elements(p_tools) t order by 1
  on conflict (name) do update set definition = excluded.definition,
    registered_at = case when tools.definition = excluded.definition
                         then tools.registered_at else excluded.registered_at end,
    seen_at = greatest(tools.registered_at, excluded.seen_at)
$$;

CREATE FUNCTION agent_workers.relay_batch(p_name text, p_limit integer) RETURNS TABLE(tenant_id text, job_id uuid, number integer, type text, at timestamp with time zone, data bytea, xact bigint, early boolean)
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
#variable_conflict use_column
declare
  v_horizon bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_told bigint; v_top bigint;
begin
  select told_xact into v_told from relays where name = p_name;
  select max(w.xact) into v_top from (
    select xact from journal where xact > v_told and xact < v_horizon
     order by xact limit p_limit) w;
  if v_top is null then return; end if;
  return query
    with recursive behind as (
      select j.* from journal j where j.xact > v_told and j.xact <= v_top
    ), before as (
      select p.* from behind b join journal p
          on p.tenant_id = b.tenant_id and p.job_id = b.job_id and p.number = b.number - 1
       where p.xact > v_top
      union
      select p.* from before b join journal p
          on p.tenant_id = b.tenant_id and p.job_id = b.job_id and p.number = b.number - 1
       where p.xact > v_top
    )
    select b.tenant_id, b.job_id, b.number, b.type, b.at, b.data, b.xact, false from behind b
    union all
    select b.tenant_id, b.job_id, b.number, b.type, b.at, b.data, b.xact, true from before b;
end $$;

CREATE FUNCTION agent_workers.release_step(p_tenant text, p_job uuid, p_position integer) RETURNS text
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.remember(p jsonb, p_replaces uuid[], p_near double precision) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare m memories := jsonb_populate_record(null::memories, p);
        v_now timestamptz := clock_timestamp();
        v_same uuid;
begin
  perform lock_memories(m.tenant_id, m.user_id);
  delete from memories where tenant_id = m.tenant_id and user_id = m.user_id
     and content_hash = m.content_hash and superseded_by is null and expires_at <= v_now;
  if p_replaces <> replaced_memories(m, (p ->> 'corrects')::uuid, p_near) then
    raise exception 'a related memory was written meanwhile' using errcode = '40001';
  end if;
  -- Of what counts each says something else: who replaces its own words counts only once they do not.
  select memory_id into v_same from memories where tenant_id = m.tenant_id and user_id = m.user_id
     and content_hash = m.content_hash and superseded_by is null;
  insert into memories (tenant_id, memory_id, user_id, subject, content, content_hash, confidence,
                        model, embedding, job_id, position, created_at, expires_at,
                        superseded_by, superseded_at)
  values (m.tenant_id, m.memory_id, m.user_id, m.subject, m.content, m.content_hash, m.confidence,
          m.model, m.embedding, m.job_id, m.position, v_now,
          v_now + (p ->> 'days')::int * interval '1 day',
          v_same, case when v_same is not null then v_now end);
  update memories set superseded_by = m.memory_id, superseded_at = v_now
   where tenant_id = m.tenant_id and user_id = m.user_id and memory_id = any (p_replaces);
  if v_same is not null then
    update memories set superseded_by = null, superseded_at = null
     where tenant_id = m.tenant_id and memory_id = m.memory_id;
  end if;
end $$;

CREATE FUNCTION agent_workers.remember_ready(p_since timestamp with time zone[], p_passed bigint) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare
  v_now timestamptz := clock_timestamp(); v_kept timestamptz[]; v_until timestamptz;
  v_next timestamptz[];
begin
  if p_since is null then
    v_until := v_now + greatest(interval '1 second', p_passed * interval '30 microseconds');
  else
    v_kept := current_setting('agent_workers.ready_since', true)::timestamptz[];
    if (select max(since) from unnest(p_since) since) > v_now - interval '1 second' then return; end if;
    v_until := v_kept[5];
  end if;
  -- Half a second for those who were writing then and had not committed.
  select array_agg(least(first.due_at, v_now - interval '500 ms') order by n) into v_next
    from unnest(array['plan', 'tool', 'effect', 'evaluate']) with ordinality wanted (lane, n)
    left join lateral (select due_at from steps
                        where steps.lane = wanted.lane and status = 'ready'
                          and due_at >= coalesce(v_kept[n], '-infinity') and due_at <= v_now
                        order by due_at limit 1) first on true;
  perform set_config('agent_workers.ready_since', (v_next || v_until)::text, false);
end $$;

CREATE FUNCTION agent_workers.replace_job(p_tenant text, p_job uuid) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE TABLE agent_workers.memories (
    tenant_id text NOT NULL,
    memory_id uuid NOT NULL,
    user_id text DEFAULT ''::text NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    content text NOT NULL,
    content_hash bytea NOT NULL,
    confidence real NOT NULL,
    model text NOT NULL,
    embedding real[] NOT NULL,
    job_id uuid NOT NULL,
    "position" integer NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    superseded_by uuid,
    superseded_at timestamp with time zone,
    CONSTRAINT memories_confidence_check CHECK (((confidence > (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT memories_content_check CHECK (((content <> ''::text) AND (octet_length(content) <= 8192) AND (octet_length(subject) <= 512))),
    CONSTRAINT memories_content_hash_check CHECK ((octet_length(content_hash) = 32)),
    CONSTRAINT memories_embedding_check CHECK (((model <> ''::text) AND ((cardinality(embedding) >= 1) AND (cardinality(embedding) <= 16000)))),
    CONSTRAINT memories_superseded_check CHECK ((((superseded_by IS NULL) = (superseded_at IS NULL)) AND (superseded_by <> memory_id)))
);

CREATE FUNCTION agent_workers.replaced_memories(m agent_workers.memories, p_corrects uuid, p_near double precision) RETURNS uuid[]
    LANGUAGE sql STABLE
    AS $$
  select coalesce(array_agg(o.memory_id order by o.memory_id), '{}') from memories o
   where o.tenant_id = m.tenant_id and o.user_id = m.user_id and o.superseded_by is null
     and (o.expires_at is null or o.expires_at > clock_timestamp())
     and (o.memory_id = p_corrects
          or o.content_hash = m.content_hash
          or o.subject = m.subject and o.subject <> '' and o.model = m.model
             and regexp_replace(o.content, '[^0-9]+', ' ', 'g')
                 = regexp_replace(m.content, '[^0-9]+', ' ', 'g')
             and cardinality(o.embedding) = cardinality(m.embedding)
             and (select sum(a::float8 * b)
                    from unnest(o.embedding, m.embedding) as v (a, b)) >= p_near)
$$;

CREATE FUNCTION agent_workers.replay_delivery(p_tenant text, p_delivery uuid) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare d webhook_deliveries; v_now timestamptz := clock_timestamp();
begin
  select * into d from webhook_deliveries
   where tenant_id = p_tenant and delivery_id = p_delivery for update;
  if not found then return 'not_found'; end if;
  if d.endpoint_id is not null and not exists (
       select from webhook_endpoints where tenant_id = p_tenant
          and endpoint_id = d.endpoint_id and status = 'enabled') then
    return 'disabled';
  end if;
  if d.status = 'sending' then return 'sending'; end if;
  update webhook_deliveries set status = 'pending', tries = 0, due_at = v_now, finished_at = null,
                                behind = false
   where tenant_id = p_tenant and delivery_id = p_delivery;
  return 'replayed';
end $$;

CREATE FUNCTION agent_workers.reserve_allowance(p_tenant text, p_job uuid, p_amount bigint) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.resume_job(p_tenant text, p_job uuid) RETURNS text
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.retry_step(p_tenant text, p_job uuid, p_position integer, p_fence integer, p_hold bigint, p_cost bigint, p_delay_ms bigint, p_error text, p_counts boolean, p_data bytea, p_trouble bytea) RETURNS agent_workers.recorded
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.ring_again(p_limit integer, p_busy_lanes text[], p_since timestamp with time zone DEFAULT '-infinity'::timestamp with time zone) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare s steps; v_now timestamptz := clock_timestamp(); v_patient boolean;
begin
  for s in select overdue.*
             from unnest(array['evaluate', 'tool', 'effect', 'plan']) as wanted (lane),
                  lateral (select * from steps
                            where steps.lane = wanted.lane and status = 'ready' and ring_at <= v_now
                              and ring_at >= p_since
                            order by ring_at
                            limit case when wanted.lane = any (p_busy_lanes) then p_limit / 20
                                       else p_limit end
                              for update skip locked) overdue loop
    v_patient := s.lane = any (p_busy_lanes) and s.fence = 0 and s.rings = 0
                 and s.created_at > v_now - interval '60 seconds';
    update steps set
        rings = least(rings + case when v_patient then 0 else 1 end, 32767),
        ring_at = v_now + case when v_patient then interval '5 seconds'
                     else least(interval '10 minutes', (2 ^ least(rings, 8))
                                * case when s.lane = any (p_busy_lanes) then interval '15 seconds'
                                       else interval '3 seconds' end)
                     end
     where tenant_id = s.tenant_id and job_id = s.job_id and position = s.position;
    if not v_patient then
      return next (s.tenant_id, s.job_id, s.position, s.kind, s.lane, s.rings > 0 or s.fence > 0,
                   least(s.rings + 1, 32767))::ring;
    end if;
  end loop;
end $$;

CREATE FUNCTION agent_workers.room_of(p_held integer, p_free integer, p_share double precision) RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$
  select least(p_free, greatest((p_held = 0)::int,
                                floor((p_free - p_share * p_held) / (1 + p_share))::int))
$$;

CREATE FUNCTION agent_workers.run_is_live(p_tenant text, p_job uuid, p_batch uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
begin
  if p_job is not null then
    return exists (select from jobs
                    where tenant_id = p_tenant and job_id = p_job and finished_at is null);
  end if;
  return exists (select from batches
                  where tenant_id = p_tenant and batch_id = p_batch and finished_at is null);
end $$;

CREATE FUNCTION agent_workers.schedule_name(p_schedule uuid) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
  select 'sched_' || replace(p_schedule::text, '-', '')
$$;

CREATE FUNCTION agent_workers.send_message(p_tenant text, p_job uuid, p_sender text, p_name text, p_data bytea) RETURNS TABLE(verdict text, number integer, taken boolean, rings agent_workers.ring[])
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
declare
  m messages; w waits; s steps; v_now timestamptz; v_ended timestamptz; v_rings ring[] := '{}';
  v_open int;
begin
  perform lock_mail(p_tenant, p_job);
  select * into m from messages where tenant_id = p_tenant and job_id = p_job and sender = p_sender;
  if found then
    return query select case when (m.name, m.data) = (p_name, p_data) then 'replayed' else 'reused' end,
                        m.number, m.taken_by is not null, v_rings;
    return;
  end if;
  select finished_at, open_steps into v_ended, v_open from jobs
   where tenant_id = p_tenant and job_id = p_job;
  if not found or v_ended is not null then
    return query select case when found then 'ended' else 'not_found' end, 0, false, v_rings;
    return;
  end if;
  v_now := clock_timestamp();
  -- A step that somebody holds finds no message that came too late: the next one will. Only open
  -- steps are looked at: of a job that waited ten thousand times, most waits are long over.
  for w in select waiting.* from open_steps(p_tenant, p_job, v_open) open,
                  lateral (select * from waits where tenant_id = p_tenant and job_id = p_job
                              and position = open.position limit 1) waiting
            where waiting.kind = 'event' and waiting.key = p_name and waiting.answered_at is null
            order by waiting.position loop
    select * into s from steps where tenant_id = p_tenant and job_id = p_job
       and position = w.position for update;
    exit when s.status in ('ready', 'paused');
    w.position := null;
  end loop;
  -- What nobody has waited for yet is kept, but not without end.
  if w.position is null then perform check_bytes(array[p_tenant]); end if;
  if w.position is null and exists (
    select from messages where tenant_id = p_tenant and job_id = p_job and taken_by is null
    having count(*) >= 1000 or sum(octet_length(data)) + octet_length(p_data) > 16777216) then
    return query select 'full', 0, false, v_rings;
    return;
  end if;
  insert into messages (tenant_id, job_id, number, name, data, sender, sent_at, taken_by)
  select p_tenant, p_job, coalesce(max(messages.number), 0) + 1, p_name, p_data, p_sender, v_now,
         w.position
    from messages where tenant_id = p_tenant and job_id = p_job
  returning * into m;
  if w.position is not null then
    v_rings := answer_wait(s, p_data);
  end if;
  return query select 'sent', m.number, m.taken_by is not null, v_rings;
end $$;

CREATE FUNCTION agent_workers.server_since() RETURNS timestamp with time zone
    LANGUAGE plpgsql
    AS $$
declare v_since timestamptz;
begin
  select since into v_since from incarnations;
  if not found then
    insert into incarnations default values on conflict do nothing;
    if found then perform extend_grants('-infinity'); end if;
    select since into v_since from incarnations;
  end if;
  return greatest(v_since, pg_postmaster_start_time());
end $$;

CREATE FUNCTION agent_workers.session_lock(p_tenant text, p_session text) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$
  select hashtextextended('session ' || length(p_tenant) || ' ' || p_tenant || ' ' || p_session, 0)
$$;

CREATE FUNCTION agent_workers.settle_reservations(p_tenant text, p_job uuid, p_spent bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare r reservations;
begin
  for r in select * from reservations
            where tenant_id = p_tenant and job_id = p_job and settled_at is null
            order by budget_id loop
    update budgets set reserved_micro = reserved_micro - r.amount_micro,
                       spent_micro = spent_micro + p_spent,
                       overrun_micro = overrun_micro + greatest(0, p_spent - r.amount_micro)
     where tenant_id = p_tenant and budget_id = r.budget_id;
    update reservations set settled_at = clock_timestamp(), spent_micro = p_spent
     where tenant_id = p_tenant and budget_id = r.budget_id and job_id = p_job;
  end loop;
end $$;

CREATE FUNCTION agent_workers.settles(p_tenant text, p_job uuid, p_position integer) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  select exists (
    select from effects e join permits p using (tenant_id, effect_key)
      join steps s on s.tenant_id = e.tenant_id and s.job_id = e.job_id
                  and s.position = e.position
     where e.tenant_id = p_tenant and e.job_id = p_job and e.position = p_position
       and e.state = 'intended' and e.cls <> 'unsafe' and s.tries < 25
       and (p.says is null or p.says = 'unknown'))
$$;

CREATE FUNCTION agent_workers.skip_run(p_tenant text, p_schedule uuid, p_fire_at timestamp with time zone, p_until timestamp with time zone, p_reason text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  insert into schedule_runs (tenant_id, schedule_id, fire_at, origin, state, reason, skipped_until)
  values (p_tenant, p_schedule, p_fire_at, 'schedule', 'skipped', p_reason, p_until)
  on conflict do nothing;
  if found then perform announce_skip(p_tenant, p_schedule, p_fire_at, p_until, p_reason); end if;
end $$;

CREATE FUNCTION agent_workers.staged(p_type text, p_data bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    AS $$
  select case
    when position('"stage"'::bytea in p_data) > 0 then p_data
    else case
           when p_type in ('succeeded', 'failed', 'canceled')
             then '{"stage":"respond","component":"answer"'::bytea
           when p_type in ('paused', 'resumed', 'canceling', 'released', 'answered')
             then '{"stage":"execute","component":"control"'::bytea
           else '{"stage":"execute","component":"recovery"'::bytea
         end || case when p_data = '{}'::bytea then '}'::bytea
                     else ','::bytea || substring(p_data from 2) end
  end
$$;

CREATE FUNCTION agent_workers.stand_down(p_tenant text, p_job uuid, p_position integer, p_fence integer) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare j jobs; v_after text; v_held bigint;
begin
  perform commit_durably();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  v_after := case when j.status = 'canceling' and settles(p_tenant, p_job, p_position) then 'ready'
                  when j.status = 'canceling' then 'canceled'
                  when j.pause_requested then 'paused' else 'ready' end;
  update steps set status = v_after, lease_until = null, ring_at = clock_timestamp()
   where tenant_id = p_tenant and job_id = p_job and position = p_position
     and fence = p_fence and coalesce(status, '') = 'claimed'
   returning hold_micro + called_micro into v_held;
  if not found then return 'fenced'; end if;
  if v_after = 'canceled' then
    perform doubt_open(p_tenant, p_job, p_position,
                       'The job was canceled while an attempt had no answer; nobody knows whether it took effect');
  end if;
  update jobs set held_micro = greatest(0, held_micro - v_held),
                  open_steps = open_steps - case when v_after = 'canceled' then 1 else 0 end
   where tenant_id = p_tenant and job_id = p_job;
  if v_after = 'canceled' and j.open_steps = 1 then
    perform end_stopped(j);
  end if;
  return v_after;
end $$;

CREATE FUNCTION agent_workers.start_batch(p_tenant text, p_batch uuid) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare b batches;
begin
  update batches set status = 'running', started_at = clock_timestamp(),
                     look_at = clock_timestamp()
   where tenant_id = p_tenant and batch_id = p_batch and status = 'open';
  select * into b from batches where tenant_id = p_tenant and batch_id = p_batch;
  return b.status;
end $$;

CREATE FUNCTION agent_workers.start_child(j agent_workers.jobs, p_child uuid, p_agent text, p_input bytea, p_allowance bigint, p_max_steps integer, p_timeout_ms bigint) RETURNS bytea
    LANGUAGE plpgsql
    AS $_$
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
end $_$;

CREATE FUNCTION agent_workers.start_run(p_tenant text, p_schedule uuid, p_fire_at timestamp with time zone, p_target agent_workers.run_target) RETURNS text
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.status_of_live(p_tenant text, p_job uuid, p_started boolean) RETURNS text
    LANGUAGE sql STABLE
    AS $$
  select case when bool_or(status = 'in_doubt') then 'in_doubt'
              when bool_or(status = 'quarantined') then 'quarantined'
              when not p_started then 'queued'
              when bool_or(status = 'claimed' or due_at <= clock_timestamp()) then 'running'
              else 'waiting' end
    from steps where tenant_id = p_tenant and job_id = p_job
     and status in ('ready', 'claimed', 'paused', 'in_doubt', 'quarantined')
$$;

CREATE FUNCTION agent_workers.step_may_move(before text, after text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
  select case before
    when 'ready' then after in ('claimed', 'paused', 'quarantined', 'canceled')
    when 'claimed' then after <> 'claimed'
    when 'paused' then after in ('ready', 'canceled')
    when 'in_doubt' then after in ('ready', 'paused', 'canceled')
    when 'quarantined' then after in ('ready', 'paused', 'canceled')
    else false
  end
$$;

CREATE FUNCTION agent_workers.stop_job(p_tenant text, p_job uuid, p_status text, p_error bytea, p_reason text, p_now boolean) RETURNS text
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.stop_jobs_of(b agent_workers.batches, p_limit integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare t record;
begin
  for t in select found.job
             from (select job_id from batch_items
                    where tenant_id = b.tenant_id and batch_id = b.batch_id and status = 'running'
                   offset 0) i,
                  lateral (select jobs as job from jobs
                            where tenant_id = b.tenant_id and job_id = i.job_id
                              and status <> 'canceling'
                              for no key update skip locked) found
            limit p_limit loop
    continue when not may_end(t.job);
    perform stop_job(b.tenant_id, (t.job).job_id, 'canceled', null,
                     coalesce(b.reason, 'its batch was stopped'), false);
  end loop;
end $$;

CREATE FUNCTION agent_workers.store(p_tenant text, p_agent text, p_input jsonb, p_key text, p_fingerprint bytea, p_priority integer, p_run_at timestamp with time zone, p_metadata jsonb, p_max_steps integer, OUT verdict text, OUT id uuid) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'agent_workers', 'pg_temp'
    AS $$
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

CREATE FUNCTION agent_workers.stuck_policy(j agent_workers.jobs, OUT policy text, OUT patience interval) RETURNS record
    LANGUAGE sql STABLE
    AS $$
  select coalesce(v.definition->>'on_stuck_turn', 'wait'),
         make_interval(secs => coalesce((v.definition->>'stuck_after_s')::float8, 900))
    from (select) one left join lateral (
      select definition from agent_versions
       where tenant_id in (j.tenant_id, '*') and name = j.agent and version = j.agent_version
       order by tenant_id = '*' limit 1) v on true
$$;

CREATE FUNCTION agent_workers.submit_jobs(p_jobs agent_workers.submission[]) RETURNS SETOF timestamp with time zone
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.submit_many_once(p_keys text[], p_keep interval, p_jobs agent_workers.submission[]) RETURNS TABLE(key text, job_id uuid, created boolean)
    LANGUAGE plpgsql
    SET lock_timeout TO '3s'
    AS $$
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

CREATE FUNCTION agent_workers.submit_once(p_key text, p_fingerprint bytea, p_keep interval, p_job agent_workers.submission, OUT verdict text, OUT job_id uuid, OUT expires_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql
    SET lock_timeout TO '1s'
    AS $$
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

CREATE TABLE agent_workers.webhook_deliveries (
    tenant_id text NOT NULL,
    delivery_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    target_id uuid NOT NULL,
    endpoint_id uuid,
    url text,
    job_id uuid,
    status text DEFAULT 'pending'::text NOT NULL,
    fence integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    behind boolean DEFAULT false NOT NULL,
    due_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    lease_until timestamp with time zone,
    last_status_code integer,
    last_error text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT webhook_deliveries_finished_check CHECK (((status = ANY (ARRAY['succeeded'::text, 'failed'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT webhook_deliveries_lease_check CHECK (((status = 'sending'::text) = (lease_until IS NOT NULL))),
    CONSTRAINT webhook_deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'sending'::text, 'succeeded'::text, 'failed'::text]))),
    CONSTRAINT webhook_deliveries_target_check CHECK (((endpoint_id IS NULL) = (url IS NOT NULL)))
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.05');

CREATE FUNCTION agent_workers.take_delivery(d agent_workers.webhook_deliveries, p_lease interval) RETURNS agent_workers.claimed_delivery
    LANGUAGE plpgsql
    AS $$
declare
  e webhook_endpoints; v webhook_events; p project_secrets; c claimed_delivery;
  v_now timestamptz := clock_timestamp();
begin
  if d.endpoint_id is not null then
    select * into e from webhook_endpoints
     where tenant_id = d.tenant_id and endpoint_id = d.endpoint_id and status = 'enabled';
    if not found then
      update webhook_deliveries set status = 'failed', last_error = 'the endpoint is disabled',
                                    finished_at = v_now
       where tenant_id = d.tenant_id and delivery_id = d.delivery_id;
      return null;
    end if;
  else
    select * into p from project_secrets where tenant_id = d.tenant_id;
    e.url := d.url; e.payload := 'thin'; e.secret_version := coalesce(p.secret_version, 1);
    e.old_secret_until := p.old_secret_until;
  end if;
  select * into v from webhook_events where tenant_id = d.tenant_id and event_id = d.event_id;
  if not found then
    update webhook_deliveries set status = 'failed', last_error = 'the event is no longer kept',
                                  finished_at = v_now
     where tenant_id = d.tenant_id and delivery_id = d.delivery_id;
    return null;
  end if;
  update webhook_deliveries set status = 'sending', fence = fence + 1, lease_until = v_now + p_lease
   where tenant_id = d.tenant_id and delivery_id = d.delivery_id returning * into d;
  c := (d.tenant_id, d.delivery_id, d.fence, d.tries, d.endpoint_id, e.url, e.payload,
        e.secret_version, coalesce(e.old_secret_until > v_now, false), d.event_id, v.type,
        v.subject, v.created_at, v.data, v.detail, null, false);
  if e.payload = 'full' and v.type = 'job.succeeded' then
    select output into c.output from jobs where tenant_id = d.tenant_id and job_id = d.job_id;
  end if;
  return c;
end $$;

CREATE FUNCTION agent_workers.take_key(p_tenant text, p_key text, p_fingerprint bytea, p_keep interval, p_id uuid, OUT verdict text, OUT job_id uuid, OUT expires_at timestamp with time zone) RETURNS record
    LANGUAGE plpgsql
    SET lock_timeout TO '1s'
    AS $$
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

CREATE FUNCTION agent_workers.take_step(j agent_workers.jobs, p_position integer, p_worker uuid, p_task text) RETURNS agent_workers.claimed_step
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.take_tool_place(p_tool text, p_most integer, p_tenant text, p_job uuid, p_position integer, p_fence integer, p_worker uuid, p_longest_ms bigint) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
declare v_is_kept boolean;
begin
  perform lock_tool_places(p_tool);
  -- Who takes one again has not heard that it was given one.
  if exists (select from tool_places p where p.tool = p_tool and p.tenant_id = p_tenant
             and p.job_id = p_job and p.position = p_position and p.fence = p_fence) then
    return true;
  end if;
  delete from tool_places p where p.tool = p_tool and p.tenant_id = p_tenant
     and (p.job_id, p.position, p.fence) = (
         select k.job_id, k.position, k.fence from tool_places k
          where k.tool = p_tool and k.tenant_id = p_tenant and k.worker_id is null
          order by k.free_at desc limit 1)
  returning p.free_at > clock_timestamp() into v_is_kept;
  -- Whoever is woken here is rung for by a keeper.
  if v_is_kept is not true then
    perform give_tool_places(p_tool, p_most, p_tenant, places_of(p_tool, p_tenant));
  end if;
  if not has_free_place(p_tool, p_most) then return false; end if;
  insert into tool_places (tool, tenant_id, job_id, position, fence, worker_id, registered, free_at)
  values (p_tool, p_tenant, p_job, p_position, p_fence, p_worker,
          exists (select from workers w where w.worker_id = p_worker), clock_timestamp() + make_interval(secs => p_longest_ms / 1000.0));
  return true;
end $$;

CREATE FUNCTION agent_workers.take_turn(p_lanes text[], p_barred text[] DEFAULT '{}'::text[]) RETURNS text
    LANGUAGE plpgsql
    AS $$
declare v_kept text[] := turns_in(p_lanes); v_turn text;
begin
  if p_barred <> '{}' then
    select turn into v_turn from unnest(v_kept[3:]) with ordinality as kept (turn, n)
     where turn <> all (p_barred) order by n limit 1;
    if v_turn is not null then
      perform set_config(turns_setting(p_lanes),
                         (v_kept[1:2] || array_remove(v_kept[3:], v_turn) || v_turn)::text, false);
    end if;
    return v_turn;
  end if;
  if cardinality(v_kept) < 4 then return null; end if;
  perform set_config(turns_setting(p_lanes),
                     (v_kept[1:1] || v_kept[3] || v_kept[4:] || v_kept[3])::text, false);
  return v_kept[3];
end $$;

CREATE FUNCTION agent_workers.taught_for(p_tenant text, p_job uuid) RETURNS uuid[]
    LANGUAGE sql STABLE
    AS $$
  with recursive above (taught, job_id, parent_id) as (
    select j.job_id, j.job_id, j.parent_id from jobs j
     where j.tenant_id = p_tenant and j.parent_id is not null and j.job_id in (
       select m.job_id from memories m where m.tenant_id = p_tenant)
     union
    select a.taught, j.job_id, j.parent_id from above a
      join jobs j on j.tenant_id = p_tenant and j.job_id = a.parent_id)
  select array_agg(distinct job order by job) from (
    select p_job union select taught from above where parent_id = p_job) t (job)
$$;

CREATE FUNCTION agent_workers.tell_stuck(j agent_workers.jobs, p_now timestamp with time zone, p_waiting integer, p_policy text, p_patience interval) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare v_told jsonb;
begin
  update session_turns set stuck_at = p_now where tenant_id = j.tenant_id and job_id = j.job_id;
  v_told := jsonb_build_object(
    'session_id', j.session_id, 'status', j.status, 'waiting', p_waiting, 'policy', p_policy,
    'since', instant_of(p_now),
    'until', case when p_policy <> 'wait' then instant_of(p_now + p_patience) end);
  perform note(j.tenant_id, j.job_id, 'turn_stuck', convert_to(v_told::text, 'UTF8'));
  perform announce_event(
    j.tenant_id, 'session.stuck', j.session_id,
    v_told || jsonb_build_object('id', j.session_id, 'object', 'session',
                                 'job_id', job_name(j.job_id),
                                 'url', '/v1/sessions/' || j.session_id));
end $$;

CREATE TABLE agent_workers.breakers (
    name text NOT NULL,
    tenant_id text NOT NULL,
    state text DEFAULT 'closed'::text NOT NULL,
    version integer NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    successes integer DEFAULT 0 NOT NULL,
    window_began_at timestamp with time zone,
    failed_for text[] DEFAULT '{}'::text[] NOT NULL,
    opens integer DEFAULT 0 NOT NULL,
    until timestamp with time zone,
    reason text DEFAULT ''::text NOT NULL,
    by_hand boolean DEFAULT false NOT NULL,
    probe_by text DEFAULT ''::text NOT NULL,
    probed_for text DEFAULT '*'::text NOT NULL,
    probe_lock bigint,
    changed_at timestamp with time zone,
    woken_at timestamp with time zone,
    CONSTRAINT breakers_probe_check CHECK (((state = 'half_open'::text) = (probe_by <> ''::text))),
    CONSTRAINT breakers_state_check CHECK ((state = ANY (ARRAY['closed'::text, 'open'::text, 'half_open'::text])))
);

CREATE FUNCTION agent_workers.tenants_at_breaker(b agent_workers.breakers) RETURNS SETOF text
    LANGUAGE sql
    AS $$
  with recursive waiting (tenant_id) as (
    (select tenant_id from waits where kind = 'breaker' and answered_at is null and key = b.name
      order by tenant_id limit 1)
    union all
    select next.tenant_id from waiting, lateral (
      select w.tenant_id from waits w where kind = 'breaker' and answered_at is null
         and key = b.name and w.tenant_id > waiting.tenant_id order by w.tenant_id limit 1) next)
  select w.tenant_id from waiting w
   -- Who is barred by a breaker of its own has no use for being woken; and while that of all is closed,
   -- one that has changed since lets its tenant's steps go on by itself.
   where not exists (
     select from breakers own where own.name = b.name and own.tenant_id = w.tenant_id
        and case when b.state = 'closed'
                 then own.state <> 'closed' or own.changed_at > coalesce(b.changed_at, '-infinity')
                 else own.state <> 'closed' and (own.by_hand or own.until > clock_timestamp()) end)
   order by w.tenant_id = b.probed_for, random()
$$;

CREATE FUNCTION agent_workers.try_session(p_tenant text, p_session text) RETURNS boolean
    LANGUAGE sql
    AS $$
  select pg_try_advisory_xact_lock(session_lock(p_tenant, p_session))
$$;

CREATE FUNCTION agent_workers.turn_ahead(p_tenant text, p_session text) RETURNS json
    LANGUAGE plpgsql STABLE
    AS $$
declare j jobs; p record; v_since timestamptz;
begin
  select * into j from jobs
   where tenant_id = p_tenant and job_id = job_with_turn(p_tenant, p_session);
  if not found then return null; end if;
  if is_stuck(j.status) then
    select stuck_at into v_since from session_turns
     where tenant_id = p_tenant and job_id = j.job_id;
  end if;
  select * into p from stuck_policy(j);
  return json_build_object(
    'job_id', job_name(j.job_id), 'status', j.status, 'since', instant_of(v_since),
    'policy', p.policy,
    'until', case when p.policy <> 'wait' then instant_of(v_since + p.patience) end);
end $$;

CREATE FUNCTION agent_workers.turn_goes_on(p_tenant text, p_session text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET enable_seqscan TO 'off'
    AS $$
declare v_job uuid := job_with_turn(p_tenant, p_session);
begin
  return exists (select from jobs
                  where tenant_id = p_tenant and job_id = v_job and not is_stuck(status));
end $$;

CREATE FUNCTION agent_workers.turns_in(p_lanes text[]) RETURNS text[]
    LANGUAGE plpgsql
    AS $$
declare v_kept text[] := nullif(current_setting(turns_setting(p_lanes), true), '')::text[];
begin
  if v_kept is null or clock_timestamp() >= v_kept[1]::timestamptz then
    v_kept := look_for_turns(p_lanes, coalesce(v_kept[2], ''));
    perform set_config(turns_setting(p_lanes), v_kept::text, false);
  end if;
  return v_kept;
end $$;

CREATE FUNCTION agent_workers.turns_setting(p_lanes text[]) RETURNS text
    LANGUAGE sql STABLE
    AS $$
  select 'agent_workers.turns_' || array_to_string(p_lanes, '_')
$$;

CREATE FUNCTION agent_workers.unlearn_jobs(p_tenant text, p_jobs uuid[], OUT removed integer, OUT restored integer) RETURNS record
    LANGUAGE plpgsql
    AS $$
declare m memories; v_id uuid;
begin
  removed := 0; restored := 0;
  perform lock_memories(p_tenant, u.user_id) from (
    select distinct user_id from memories where tenant_id = p_tenant and job_id = any (p_jobs)
     order by user_id) u;
  for v_id in select memory_id from memories where tenant_id = p_tenant and job_id = any (p_jobs)
               order by created_at desc, memory_id desc loop
    select * into m from memories where tenant_id = p_tenant and memory_id = v_id;
    continue when not found;
    restored := restored + unlearn_memory(m, p_jobs);
    removed := removed + 1;
  end loop;
end $$;

CREATE FUNCTION agent_workers.unlearn_memory(m agent_workers.memories, p_jobs uuid[]) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare o memories; v_heir uuid; v_restored int := 0;
begin
  if m.superseded_by is null then
    -- What comes back may say the same, and of what counts each says something else: so this one,
    -- which goes at the end, stops counting first.
    update memories set superseded_at = clock_timestamp(), superseded_by = (
             select max(r.memory_id::text)::uuid from memories r where r.tenant_id = m.tenant_id
                and r.user_id = m.user_id and r.superseded_by = m.memory_id)
     where tenant_id = m.tenant_id and memory_id = m.memory_id
       and exists (select from memories r where r.tenant_id = m.tenant_id
                      and r.user_id = m.user_id and r.superseded_by = m.memory_id);
  end if;
  for o in select * from memories
            where tenant_id = m.tenant_id and user_id = m.user_id and superseded_by = m.memory_id
            order by created_at desc, memory_id desc loop
    v_heir := m.superseded_by;
    if v_heir is null then
      -- The same words may have been taught again: then those count.
      select memory_id into v_heir from memories
       where tenant_id = o.tenant_id and user_id = o.user_id and content_hash = o.content_hash
         and superseded_by is null and memory_id <> m.memory_id;
    end if;
    update memories set superseded_by = v_heir,
                        superseded_at = case when v_heir is not null then superseded_at end
     where tenant_id = o.tenant_id and memory_id = o.memory_id;
    v_restored := v_restored + (v_heir is null and o.job_id <> all (p_jobs))::int;
  end loop;
  delete from memories where tenant_id = m.tenant_id and memory_id = m.memory_id;
  return v_restored;
end $$;

CREATE FUNCTION agent_workers.unlearn_purged() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  perform unlearn_jobs(old.tenant_id, array[old.job_id]);
  return old;
end $$;

CREATE TABLE agent_workers.workers (
    worker_id uuid NOT NULL,
    lock_key bigint NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    pid_started bigint NOT NULL,
    lanes text NOT NULL,
    locked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    lost_at timestamp with time zone
);

CREATE FUNCTION agent_workers.unlocked_workers() RETURNS SETOF agent_workers.workers
    LANGUAGE sql
    AS $$
  select * from workers
   where not exists (select from pg_locks l where l.locktype = 'advisory' and l.granted
                        and ((l.classid::bigint << 32) | l.objid::bigint) = workers.lock_key
                        and l.database = (select oid from pg_database
                                           where datname = current_database()))
$$;

CREATE FUNCTION agent_workers.violated(p_table text, p_constraint text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  raise exception 'row of % violates %', p_table, p_constraint
    using errcode = 'check_violation', constraint = p_constraint;
end $$;

CREATE FUNCTION agent_workers.vouch_quiet(p_tenant text, p_key uuid, p_since timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  perform server_since();
  update permits
     set quiet_time = coalesce(quiet_time, quiet_after - granted_at),
         quiet_after = greatest(quiet_after,
                                clock_timestamp() + coalesce(quiet_time, quiet_after - granted_at))
   where tenant_id = p_tenant and effect_key = p_key and (says is null or says = 'unknown')
     and quiet_after > p_since;
end $$;

CREATE FUNCTION agent_workers.waiting_for(p_tenant text, p_job uuid, p_open integer) RETURNS text
    LANGUAGE sql STABLE
    AS $$
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

CREATE FUNCTION agent_workers.waiting_for_turn(p_tenant text, p_job uuid) RETURNS text
    LANGUAGE sql STABLE
    AS $$
  select coalesce(json_agg(json_build_object(
           'position', 0, 'kind', 'session', 'key', t.session_id, 'prompt', null,
           'since', instant_of(j.created_at), 'until', null,
           'behind', turn_ahead(t.tenant_id, t.session_id))), '[]')::text
    from session_turns t join jobs j using (tenant_id, job_id)
   where t.tenant_id = p_tenant and t.job_id = p_job and t.state = 'waiting'
$$;

CREATE FUNCTION agent_workers.wake_at_tool(p_tool text, p_tenant text) RETURNS agent_workers.ring
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare w record; v_now timestamptz := clock_timestamp();
begin
  for attempt in 1..100 loop
    select waits.job_id, waits.position, steps.kind, steps.lane, steps.status into w
      from waits join steps using (tenant_id, job_id, position)
     where waits.kind = 'place' and waits.key = p_tool and waits.tenant_id = p_tenant
       and waits.answered_at is null
     order by waits.created_at limit 1 for update of waits, steps skip locked;
    exit when not found;
    -- What was canceled meanwhile waits for nothing any more.
    update waits set answer = '{}', answered_at = v_now
     where tenant_id = p_tenant and job_id = w.job_id and position = w.position;
    continue when w.status not in ('ready', 'paused');
    update steps set due_at = v_now, ring_at = v_now + interval '1 second', rings = 0
     where tenant_id = p_tenant and job_id = w.job_id and position = w.position;
    if w.status = 'ready' then
      return (p_tenant, w.job_id, w.position, w.kind, w.lane, true, 0)::ring;
    end if;
  end loop;
  return null;
end $$;

CREATE FUNCTION agent_workers.wake_breaker(p_name text, p_tenant text) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
declare b breakers; w record; i int := 0; v_most int; v_of int; v_due timestamptz;
        v_tenant text; v_tenants text[] := array[p_tenant]; v_now timestamptz := clock_timestamp();
begin
  update breakers set woken_at = v_now
   where name = p_name and tenant_id = p_tenant
     and (woken_at is null or woken_at <= v_now - interval '1 second')
  returning * into b;
  if not found then return; end if;
  v_most := case when b.state = 'closed'
                 then least(1000, 50 * 2 ^ least(5, extract(epoch from v_now - b.changed_at)))
                 else 1 end;
  if p_tenant = '*' then v_tenants := array(select tenants_at_breaker(b)); end if;
  foreach v_tenant in array v_tenants loop
    v_of := least(v_most, i + ceil(v_most::real / cardinality(v_tenants)));
    for w in select waits.tenant_id, waits.job_id, waits.position, steps.kind, steps.lane,
                    steps.status
               from waits join steps using (tenant_id, job_id, position)
              where waits.kind = 'breaker' and waits.key = p_name and waits.tenant_id = v_tenant
                and waits.answered_at is null
              order by waits.expires_at limit greatest(v_of - i, 100)
                for update of waits, steps skip locked loop
      exit when i >= v_of;
      -- What was canceled meanwhile waits for nothing any more.
      update waits set answer = '{}', answered_at = v_now
       where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position;
      continue when w.status not in ('ready', 'paused');
      v_due := v_now + greatest(0, i - 50) * interval '1 second' / v_most;
      update steps set due_at = v_due, ring_at = v_due, rings = 0
       where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position;
      i := i + 1;
      if w.status = 'ready' and v_due = v_now then
        return next (w.tenant_id, w.job_id, w.position, w.kind, w.lane, true, 0)::ring;
      end if;
    end loop;
    exit when i >= v_most;
  end loop;
end $$;

CREATE FUNCTION agent_workers.wake_for_worker(p_keys text[], p_most integer) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
declare w record; v_now timestamptz := clock_timestamp();
begin
  for w in select waits.tenant_id, waits.job_id, waits.position, steps.kind, steps.lane, steps.status
             from waits join steps using (tenant_id, job_id, position)
            where waits.kind = 'worker' and waits.key = any (p_keys) and waits.answered_at is null
              and waits.expires_at > v_now
            order by waits.expires_at limit p_most for update of waits, steps skip locked loop
    update waits set answer = '{}', answered_at = v_now
     where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position;
    continue when w.status not in ('ready', 'paused');
    update steps set due_at = v_now, ring_at = v_now + interval '1 second', rings = 0
     where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position;
    if w.status = 'ready' then
      return next (w.tenant_id, w.job_id, w.position, w.kind, w.lane, true, 0)::ring;
    end if;
  end loop;
end $$;

CREATE FUNCTION agent_workers.wake_waits(p_tenant text, p_kind text, p_key text, p_answer bytea, p_most integer) RETURNS SETOF agent_workers.ring
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION agent_workers.wants_event(p_wanted text[], p_type text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
  select p_wanted && array['*', p_type, split_part(p_type, '.', 1) || '.*']
$$;

CREATE FUNCTION agent_workers.watch_again(p_tenant text, p_job uuid) RETURNS boolean
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    AS $$
declare v_due timestamptz;
begin
  if not exists (select from timers where tenant_id = p_tenant and job_id = p_job
                    and kind = 'stuck') then
    return true;
  end if;
  select due_at into v_due from timers where tenant_id = p_tenant and job_id = p_job
     and kind = 'stuck' for no key update skip locked;
  if v_due = 'infinity' then
    update timers set due_at = clock_timestamp()
     where tenant_id = p_tenant and job_id = p_job and kind = 'stuck';
  end if;
  return v_due is not null;
end $$;

CREATE FUNCTION agent_workers.watch_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'agent_workers', 'pg_temp'
    AS $$
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

CREATE FUNCTION agent_workers.watch_turn(j agent_workers.jobs) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare v_status text;
begin
  if j.session_id = '' then return; end if;
  select status into v_status from jobs where tenant_id = j.tenant_id and job_id = j.job_id;
  if is_stuck(v_status) = is_stuck(j.status) then return; end if;
  update session_turns set stuck_at = null
   where tenant_id = j.tenant_id and job_id = j.job_id and stuck_at is not null;
  if is_stuck(v_status) then
    insert into timers (tenant_id, job_id, kind, due_at)
    values (j.tenant_id, j.job_id, 'stuck', clock_timestamp())
    on conflict (tenant_id, job_id, kind) do update set due_at = excluded.due_at;
  else
    delete from timers where tenant_id = j.tenant_id and job_id = j.job_id and kind = 'stuck';
  end if;
end $$;

CREATE FUNCTION agent_workers.write_event(p_tenant text, p_type text, p_subject text, p_job uuid, p_data jsonb, p_detail bytea, p_callback text) RETURNS uuid
    LANGUAGE plpgsql
    AS $$
declare v_event uuid; v_now timestamptz := clock_timestamp();
begin
  if p_callback is null and not exists (
       select from webhook_endpoints
        where tenant_id = p_tenant and wants_event(event_types, p_type)) then
    return null;
  end if;
  v_event := gen_random_uuid();
  insert into webhook_events (tenant_id, event_id, type, subject, job_id, data, detail, created_at)
  values (p_tenant, v_event, p_type, p_subject, p_job, p_data, p_detail, v_now);
  insert into webhook_deliveries (tenant_id, delivery_id, event_id, event_type, target_id,
                                  endpoint_id, url, job_id, due_at, created_at, behind)
  select p_tenant, gen_random_uuid(), v_event, p_type, endpoint_id, endpoint_id, null, p_job,
         v_now, v_now, is_unsure(p_tenant, endpoint_id)
    from webhook_endpoints
   where tenant_id = p_tenant and status = 'enabled' and wants_event(event_types, p_type);
  if p_callback is not null then
    insert into webhook_deliveries (tenant_id, delivery_id, event_id, event_type, target_id,
                                    endpoint_id, url, job_id, due_at, created_at, behind)
    values (p_tenant, gen_random_uuid(), v_event, p_type, callback_target(p_tenant, p_callback),
            null, p_callback, p_job, v_now, v_now,
            is_unsure(p_tenant, callback_target(p_tenant, p_callback)));
  end if;
  return v_event;
end $$;

CREATE FUNCTION agent_workers.write_journal(p_tenant text, p_job uuid, p_number integer, p_type text, p_data bytea, p_bytes integer DEFAULT 0) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
  insert into journal (tenant_id, job_id, number, type, data, bytes)
  values (p_tenant, p_job, p_number, p_type, staged(p_type, p_data), p_bytes);
end $$;

CREATE FUNCTION agent_workers.write_workspace_file(p_tenant text, p_job uuid, p_position integer, p_path text, p_content bytea, p_text boolean, p_append boolean, p_expect text, p_most bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare w workspaces; f workspace_files; v_content bytea := p_content; v_inside text;
begin
  if not exists (select from jobs where tenant_id = p_tenant and job_id = p_job) then
    raise exception 'files belong to a job, and there is no such job' using errcode = 'AW020';
  end if;
  insert into workspaces (tenant_id, job_id) values (p_tenant, p_job) on conflict do nothing;
  -- Whoever writes into this workspace waits here for the one before.
  select * into w from workspaces where tenant_id = p_tenant and job_id = p_job for update;
  select * into f from workspace_files
   where tenant_id = p_tenant and job_id = p_job and path = p_path;
  perform expect_workspace_file(p_path, f.etag, p_expect);
  select path into v_inside from workspace_files
   where tenant_id = p_tenant and job_id = p_job
     and (starts_with(path, p_path || '/') or starts_with(p_path, path || '/')) limit 1;
  if found then
    raise exception 'a name cannot be a file and a folder: there is % already', v_inside
      using errcode = 'AW020';
  end if;
  if p_append and f.path is not null then v_content := f.content || p_content; end if;
  if octet_length(v_content) > 16777216 then
    raise exception 'the file % would be larger than 16 MiB', p_path using errcode = 'AW020';
  end if;
  if w.bytes - coalesce(f.bytes, 0) + octet_length(v_content) > p_most then
    raise exception 'the workspace is full: its files may have at most % bytes together', p_most
      using errcode = 'AW020';
  end if;
  if f.path is null and w.files >= 1000 then
    raise exception 'the workspace is full: it has 1000 files' using errcode = 'AW020';
  end if;
  insert into workspace_files as kept
    (tenant_id, job_id, path, content, bytes, etag, is_text, written_by)
  values (p_tenant, p_job, p_path, v_content, octet_length(v_content),
          left(encode(sha256(v_content), 'hex'), 32), p_text and (not p_append or coalesce(f.is_text, true)),
          p_position)
  on conflict (tenant_id, job_id, path) do update
     set content = excluded.content, bytes = excluded.bytes, etag = excluded.etag,
         is_text = excluded.is_text, written_by = excluded.written_by,
         version = kept.version + 1, updated_at = clock_timestamp();
end $$;

CREATE TABLE agent_workers.agent_versions (
    tenant_id text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    declared boolean NOT NULL,
    digest text NOT NULL,
    definition jsonb NOT NULL,
    source text NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT agent_versions_source_check CHECK ((source = ANY (ARRAY['yaml'::text, 'python'::text]))),
    CONSTRAINT agent_versions_version_check CHECK ((version <> ''::text))
);

CREATE TABLE agent_workers.agents (
    tenant_id text NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    plan_timeout_ms integer NOT NULL,
    plan_hold_micro bigint DEFAULT 0 NOT NULL,
    definition jsonb DEFAULT '{}'::jsonb NOT NULL,
    registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    retired_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    last_seen_on text
);

CREATE TABLE agent_workers.api_keys (
    tenant_id text NOT NULL,
    key_id text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone
);

CREATE TABLE agent_workers.batch_items (
    tenant_id text NOT NULL,
    batch_id uuid NOT NULL,
    number integer NOT NULL,
    custom_id text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    agent text NOT NULL,
    input bytea NOT NULL,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    job_id uuid,
    CONSTRAINT batch_items_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'canceled'::text])))
)
WITH (fillfactor='90', autovacuum_vacuum_scale_factor='0.02');

CREATE TABLE agent_workers.budgets (
    tenant_id text NOT NULL,
    budget_id text NOT NULL,
    limit_micro bigint NOT NULL,
    reserved_micro bigint DEFAULT 0 NOT NULL,
    spent_micro bigint DEFAULT 0 NOT NULL,
    overrun_micro bigint DEFAULT 0 NOT NULL,
    CONSTRAINT budgets_limit_check CHECK (((limit_micro >= 0) AND (reserved_micro >= 0) AND (spent_micro >= 0)))
);

CREATE TABLE agent_workers.bytes_changes (
    xact bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    number bigint NOT NULL,
    tenant_id text NOT NULL,
    bytes bigint NOT NULL
);

ALTER TABLE agent_workers.bytes_changes ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME agent_workers.bytes_changes_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE agent_workers.bytes_counted (
    one boolean DEFAULT true NOT NULL,
    xact bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT bytes_counted_one_check CHECK (one)
);

CREATE TABLE agent_workers.dead_letters (
    tenant_id text NOT NULL,
    letter_id uuid NOT NULL,
    digest bytea NOT NULL,
    origin text NOT NULL,
    content_type text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    state text DEFAULT 'dead'::text NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    replayed_at timestamp with time zone,
    CONSTRAINT dead_letters_replayed_check CHECK (((state = 'replayed'::text) = (replayed_at IS NOT NULL))),
    CONSTRAINT dead_letters_state_check CHECK ((state = ANY (ARRAY['dead'::text, 'replayed'::text, 'discarded'::text])))
);

CREATE TABLE agent_workers.evidence (
    tenant_id text NOT NULL,
    effect_key uuid NOT NULL,
    number integer NOT NULL,
    attempt integer NOT NULL,
    says text NOT NULL,
    source text NOT NULL,
    result_hash bytea,
    result bytea,
    given_by text DEFAULT ''::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    contradicts boolean DEFAULT false NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT evidence_says_check CHECK ((says = ANY (ARRAY['happened'::text, 'not_executed'::text, 'absent'::text, 'unknown'::text]))),
    CONSTRAINT evidence_source_check CHECK ((source = ANY (ARRAY['reply'::text, 'lookup'::text, 'verdict'::text, 'assumed'::text])))
);

CREATE TABLE agent_workers.idempotency_keys (
    tenant_id text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    job_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE UNLOGGED TABLE agent_workers.incarnations (
    one boolean DEFAULT true NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT incarnations_one_check CHECK (one)
);

CREATE TABLE agent_workers.job_labels (
    tenant_id text NOT NULL,
    label bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    job_id uuid NOT NULL
);

CREATE TABLE agent_workers.journal (
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    number integer NOT NULL,
    type text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    data bytea NOT NULL,
    bytes integer DEFAULT 0 NOT NULL,
    xact bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    CONSTRAINT journal_number_check CHECK ((number > 0))
);

CREATE TABLE agent_workers.knowledge_chunks (
    tenant_id text NOT NULL,
    chunk_id text NOT NULL,
    source text NOT NULL,
    number integer NOT NULL,
    heading text NOT NULL,
    content text NOT NULL,
    model text NOT NULL,
    dimensions integer NOT NULL,
    embedding real[] NOT NULL,
    words tsvector NOT NULL,
    CONSTRAINT knowledge_chunks_chunk_id_check CHECK ((chunk_id ~ '^doc_[0-9a-f]{16}$'::text)),
    CONSTRAINT knowledge_chunks_content_check CHECK ((((octet_length(content) >= 1) AND (octet_length(content) <= 16384)) AND (octet_length(heading) <= 4096))),
    CONSTRAINT knowledge_chunks_embedding_check CHECK (((array_ndims(embedding) = 1) AND (cardinality(embedding) = dimensions) AND (array_position(embedding, NULL::real) IS NULL) AND (array_position(embedding, 'NaN'::real) IS NULL))),
    CONSTRAINT knowledge_chunks_number_check CHECK (((number >= 0) AND (number <= 9999)))
);

CREATE TABLE agent_workers.knowledge_documents (
    tenant_id text NOT NULL,
    source text NOT NULL,
    title text NOT NULL,
    kind text NOT NULL,
    bytes bigint NOT NULL,
    content_hash bytea NOT NULL,
    model text NOT NULL,
    dimensions integer NOT NULL,
    chunks integer NOT NULL,
    added_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT knowledge_documents_chunks_check CHECK (((chunks >= 1) AND (chunks <= 10000))),
    CONSTRAINT knowledge_documents_content_hash_check CHECK (((octet_length(content_hash) = 32) AND (bytes > 0))),
    CONSTRAINT knowledge_documents_kind_check CHECK ((kind = ANY (ARRAY['text'::text, 'markdown'::text, 'html'::text, 'pdf'::text]))),
    CONSTRAINT knowledge_documents_model_check CHECK (((model <> ''::text) AND ((dimensions >= 1) AND (dimensions <= 16000)))),
    CONSTRAINT knowledge_documents_source_check CHECK ((((octet_length(source) >= 1) AND (octet_length(source) <= 1024)) AND (octet_length(title) <= 1024)))
);

CREATE TABLE agent_workers.mcp_servers (
    tenant_id text NOT NULL,
    name text NOT NULL,
    command text[] DEFAULT '{}'::text[] NOT NULL,
    env jsonb DEFAULT '{}'::jsonb NOT NULL,
    url text DEFAULT ''::text NOT NULL,
    headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    reads text[] DEFAULT '{}'::text[] NOT NULL,
    network boolean DEFAULT false NOT NULL,
    state text DEFAULT 'enabled'::text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_by text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    refresh_due_at timestamp with time zone,
    refreshed_at timestamp with time zone,
    error text DEFAULT ''::text NOT NULL,
    CONSTRAINT mcp_servers_env_check CHECK (((jsonb_typeof(env) = 'object'::text) AND ((command <> '{}'::text[]) OR ((env = '{}'::jsonb) AND (reads = '{}'::text[]) AND (NOT network))))),
    CONSTRAINT mcp_servers_headers_check CHECK (((jsonb_typeof(headers) = 'object'::text) AND ((url <> ''::text) OR (headers = '{}'::jsonb)))),
    CONSTRAINT mcp_servers_name_check CHECK ((name ~ '^[a-z][a-z0-9_-]{0,23}$'::text)),
    CONSTRAINT mcp_servers_place_check CHECK (((command = '{}'::text[]) <> (url = ''::text))),
    CONSTRAINT mcp_servers_state_check CHECK ((state = ANY (ARRAY['enabled'::text, 'disabled'::text, 'removed'::text])))
);

CREATE TABLE agent_workers.mcp_tools (
    tenant_id text NOT NULL,
    server text NOT NULL,
    name text NOT NULL,
    seen text,
    seen_hash text,
    seen_at timestamp with time zone,
    hints jsonb DEFAULT '{}'::jsonb NOT NULL,
    approved text,
    approved_hash text,
    approved_at timestamp with time zone,
    approved_by text DEFAULT ''::text NOT NULL,
    effect text DEFAULT 'unsafe'::text NOT NULL,
    timeout_ms integer DEFAULT 30000 NOT NULL,
    key_ttl_s integer,
    key_argument text DEFAULT ''::text NOT NULL,
    errors_are_final boolean DEFAULT false NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT mcp_tools_approved_check CHECK ((((approved IS NULL) = (approved_hash IS NULL)) AND ((approved IS NULL) = (approved_at IS NULL)))),
    CONSTRAINT mcp_tools_approved_hash_check CHECK ((approved_hash = encode(sha256(convert_to(approved, 'UTF8'::name)), 'hex'::text))),
    CONSTRAINT mcp_tools_effect_check CHECK ((effect = ANY (ARRAY['pure'::text, 'keyed'::text, 'unsafe'::text]))),
    CONSTRAINT mcp_tools_keyed_check CHECK ((((effect = 'keyed'::text) = (key_ttl_s IS NOT NULL)) AND ((effect = 'keyed'::text) = (key_argument <> ''::text)))),
    CONSTRAINT mcp_tools_seen_check CHECK ((((seen IS NULL) = (seen_hash IS NULL)) AND (octet_length(seen) <= 65536))),
    CONSTRAINT mcp_tools_seen_hash_check CHECK ((seen_hash = encode(sha256(convert_to(seen, 'UTF8'::name)), 'hex'::text))),
    CONSTRAINT mcp_tools_timeout_check CHECK (((timeout_ms >= 100) AND (timeout_ms <= 3600000)))
);

CREATE TABLE agent_workers.messages (
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    data bytea NOT NULL,
    sender text NOT NULL,
    sent_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    taken_by integer
);

CREATE TABLE agent_workers.project_secrets (
    tenant_id text NOT NULL,
    secret_version integer DEFAULT 1 NOT NULL,
    old_secret_until timestamp with time zone
);

CREATE TABLE agent_workers.quota_returns (
    number bigint NOT NULL,
    tenant_id text NOT NULL,
    kind text NOT NULL
);

ALTER TABLE agent_workers.quota_returns ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME agent_workers.quota_returns_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE agent_workers.quotas (
    tenant_id text NOT NULL,
    kind text NOT NULL,
    most bigint,
    used bigint DEFAULT 0 NOT NULL,
    CONSTRAINT quotas_most_check CHECK ((most >= 0)),
    CONSTRAINT quotas_used_check CHECK ((used >= 0))
);

CREATE TABLE agent_workers.relays (
    name text NOT NULL,
    told_xact bigint NOT NULL,
    ahead jsonb DEFAULT '[]'::jsonb NOT NULL,
    published bigint DEFAULT 0 NOT NULL,
    holder uuid,
    lease_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    told_at timestamp with time zone
);

CREATE TABLE agent_workers.reservations (
    tenant_id text NOT NULL,
    budget_id text NOT NULL,
    job_id uuid NOT NULL,
    amount_micro bigint NOT NULL,
    spent_micro bigint,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT reservations_amount_check CHECK ((amount_micro > 0)),
    CONSTRAINT reservations_settled_check CHECK (((settled_at IS NULL) = (spent_micro IS NULL)))
);

CREATE TABLE agent_workers.schedule_runs (
    tenant_id text NOT NULL,
    schedule_id uuid NOT NULL,
    fire_at timestamp with time zone NOT NULL,
    origin text NOT NULL,
    state text NOT NULL,
    reason text,
    skipped_until timestamp with time zone,
    job_id uuid,
    batch_id uuid,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    started_at timestamp with time zone,
    CONSTRAINT schedule_runs_origin_check CHECK ((origin = ANY (ARRAY['schedule'::text, 'trigger'::text, 'backfill'::text]))),
    CONSTRAINT schedule_runs_reason_check CHECK (((state = ANY (ARRAY['skipped'::text, 'failed'::text])) = (reason IS NOT NULL))),
    CONSTRAINT schedule_runs_started_check CHECK (((state = ANY (ARRAY['started'::text, 'ended'::text])) = (num_nonnulls(job_id, batch_id) = 1))),
    CONSTRAINT schedule_runs_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'started'::text, 'ended'::text, 'skipped'::text, 'failed'::text])))
);

CREATE TABLE agent_workers.schedules (
    tenant_id text NOT NULL,
    schedule_id uuid NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    type text NOT NULL,
    expression text,
    timezone text DEFAULT 'UTC'::text NOT NULL,
    interval_s integer,
    run_at timestamp with time zone,
    start_at timestamp with time zone,
    end_at timestamp with time zone,
    status text DEFAULT 'active'::text NOT NULL,
    overlap text DEFAULT 'skip'::text NOT NULL,
    catch_up text DEFAULT 'last'::text NOT NULL,
    catch_up_window_s integer DEFAULT 86400 NOT NULL,
    jitter_s integer DEFAULT 0 NOT NULL,
    target bytea NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    next_fire_at timestamp with time zone,
    last_fire_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT schedules_catch_up_check CHECK ((catch_up = ANY (ARRAY['none'::text, 'last'::text, 'all'::text]))),
    CONSTRAINT schedules_next_fire_check CHECK (((status = 'active'::text) = (next_fire_at IS NOT NULL))),
    CONSTRAINT schedules_overlap_check CHECK ((overlap = ANY (ARRAY['skip'::text, 'queue'::text, 'cancel_running'::text, 'allow'::text]))),
    CONSTRAINT schedules_rule_check CHECK ((((type = 'cron'::text) = (expression IS NOT NULL)) AND ((type = 'interval'::text) = (interval_s IS NOT NULL)) AND ((type = 'once'::text) = (run_at IS NOT NULL)))),
    CONSTRAINT schedules_status_check CHECK ((status = ANY (ARRAY['active'::text, 'paused'::text, 'completed'::text]))),
    CONSTRAINT schedules_target_check CHECK ((octet_length(target) <= 524288)),
    CONSTRAINT schedules_type_check CHECK ((type = ANY (ARRAY['cron'::text, 'interval'::text, 'once'::text])))
);

CREATE TABLE agent_workers.session_messages (
    tenant_id text NOT NULL,
    session_id text NOT NULL,
    turn integer NOT NULL,
    part smallint NOT NULL,
    message_id uuid NOT NULL,
    role text NOT NULL,
    content bytea NOT NULL,
    calls bytea,
    call_id text DEFAULT ''::text NOT NULL,
    job_id uuid,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT session_messages_call_id_check CHECK (((call_id <> ''::text) = (role = 'tool'::text))),
    CONSTRAINT session_messages_calls_check CHECK (((calls IS NULL) OR (role = 'assistant'::text))),
    CONSTRAINT session_messages_part_check CHECK (((turn > 0) AND ((part = 0) OR ((part = 1) AND (role = 'assistant'::text) AND (job_id IS NOT NULL))))),
    CONSTRAINT session_messages_role_check CHECK ((role = ANY (ARRAY['user'::text, 'assistant'::text, 'tool'::text])))
);

CREATE TABLE agent_workers.session_turns (
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    session_id text NOT NULL,
    turn integer NOT NULL,
    state text NOT NULL,
    due_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    stuck_at timestamp with time zone,
    CONSTRAINT session_turns_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'now'::text, 'skipped'::text, 'over'::text])))
);

CREATE TABLE agent_workers.suspicions (
    worker_id uuid NOT NULL,
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    "position" integer NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE agent_workers.timers (
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    kind text NOT NULL,
    due_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT timers_kind_check CHECK ((kind = ANY (ARRAY['deadline'::text, 'orphan'::text, 'budget'::text, 'interrupt'::text, 'replaced'::text, 'stuck'::text])))
);

CREATE TABLE agent_workers.tool_places (
    tool text NOT NULL,
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    "position" integer NOT NULL,
    fence integer NOT NULL,
    worker_id uuid,
    registered boolean NOT NULL,
    taken_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    free_at timestamp with time zone NOT NULL,
    CONSTRAINT tool_places_free_check CHECK ((free_at > taken_at))
);

CREATE TABLE agent_workers.tools (
    name text NOT NULL,
    definition jsonb NOT NULL,
    registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT tools_definition_check CHECK ((jsonb_typeof(definition) = 'object'::text)),
    CONSTRAINT tools_seen_check CHECK ((seen_at >= registered_at))
);

CREATE TABLE agent_workers.triggers (
    tenant_id text NOT NULL,
    trigger_id uuid NOT NULL,
    name text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    definition jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE agent_workers.waits (
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    "position" integer NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    prompt bytea NOT NULL,
    child_id uuid,
    held_micro bigint DEFAULT 0 NOT NULL,
    answer bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    answered_at timestamp with time zone,
    CONSTRAINT waits_answer_check CHECK (((answer IS NULL) = (answered_at IS NULL))),
    CONSTRAINT waits_kind_check CHECK ((kind = ANY (ARRAY['child'::text, 'event'::text, 'person'::text, 'timer'::text, 'breaker'::text, 'place'::text, 'worker'::text])))
);

CREATE TABLE agent_workers.webhook_attempts (
    tenant_id text NOT NULL,
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    duration_ms integer NOT NULL,
    status_code integer,
    error text,
    response text
);

CREATE TABLE agent_workers.webhook_endpoints (
    tenant_id text NOT NULL,
    endpoint_id uuid NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    url text NOT NULL,
    event_types text[] NOT NULL,
    payload text DEFAULT 'thin'::text NOT NULL,
    status text DEFAULT 'enabled'::text NOT NULL,
    disabled_reason text,
    disabled_at timestamp with time zone,
    secret_version integer DEFAULT 1 NOT NULL,
    old_secret_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT webhook_endpoints_disabled_check CHECK (((status = 'disabled'::text) = (disabled_at IS NOT NULL))),
    CONSTRAINT webhook_endpoints_payload_check CHECK ((payload = ANY (ARRAY['thin'::text, 'full'::text]))),
    CONSTRAINT webhook_endpoints_status_check CHECK ((status = ANY (ARRAY['enabled'::text, 'disabled'::text]))),
    CONSTRAINT webhook_endpoints_version_check CHECK ((secret_version >= 1))
);

CREATE TABLE agent_workers.webhook_events (
    tenant_id text NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    job_id uuid,
    data jsonb NOT NULL,
    detail bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE agent_workers.workspace_files (
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    path text NOT NULL COLLATE pg_catalog."C",
    content bytea NOT NULL,
    bytes integer NOT NULL,
    etag text NOT NULL,
    is_text boolean NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    written_by integer NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT workspace_files_bytes_check CHECK (((bytes = octet_length(content)) AND (bytes <= 16777216))),
    CONSTRAINT workspace_files_etag_check CHECK ((etag = "left"(encode(sha256(content), 'hex'::text), 32))),
    CONSTRAINT workspace_files_path_check CHECK ((((octet_length(path) >= 1) AND (octet_length(path) <= 512)) AND (path !~ '(^|/)\.{0,2}(/|$)'::text) AND (path !~ '[\x01-\x1f\x7f\\]'::text))),
    CONSTRAINT workspace_files_version_check CHECK ((version > 0))
);
ALTER TABLE ONLY agent_workers.workspace_files ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE agent_workers.workspaces (
    tenant_id text NOT NULL,
    job_id uuid NOT NULL,
    files integer DEFAULT 0 NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL,
    CONSTRAINT workspaces_bytes_check CHECK (((bytes >= 0) AND (bytes <= '4294967296'::bigint))),
    CONSTRAINT workspaces_files_check CHECK (((files >= 0) AND (files <= 1000)))
);

ALTER TABLE ONLY agent_workers.agent_versions
    ADD CONSTRAINT agent_versions_pkey PRIMARY KEY (tenant_id, name, version);

ALTER TABLE ONLY agent_workers.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY agent_workers.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, key_id);

ALTER TABLE ONLY agent_workers.batch_items
    ADD CONSTRAINT batch_items_pkey PRIMARY KEY (tenant_id, batch_id, number);

ALTER TABLE ONLY agent_workers.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (tenant_id, batch_id);

ALTER TABLE ONLY agent_workers.breakers
    ADD CONSTRAINT breakers_pkey PRIMARY KEY (name, tenant_id);

ALTER TABLE ONLY agent_workers.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (tenant_id, budget_id);

ALTER TABLE ONLY agent_workers.bytes_changes
    ADD CONSTRAINT bytes_changes_pkey PRIMARY KEY (xact, number);

ALTER TABLE ONLY agent_workers.bytes_counted
    ADD CONSTRAINT bytes_counted_pkey PRIMARY KEY (one);

ALTER TABLE ONLY agent_workers.dead_letters
    ADD CONSTRAINT dead_letters_digest_key UNIQUE (tenant_id, digest);

ALTER TABLE ONLY agent_workers.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (tenant_id, letter_id);

ALTER TABLE ONLY agent_workers.effects
    ADD CONSTRAINT effects_cls_key UNIQUE (tenant_id, effect_key, cls);

ALTER TABLE ONLY agent_workers.effects
    ADD CONSTRAINT effects_pkey PRIMARY KEY (tenant_id, effect_key);

ALTER TABLE ONLY agent_workers.effects
    ADD CONSTRAINT effects_place_key UNIQUE (tenant_id, root_id, "position", ordinal);

ALTER TABLE ONLY agent_workers.evidence
    ADD CONSTRAINT evidence_pkey PRIMARY KEY (tenant_id, effect_key, number);

ALTER TABLE ONLY agent_workers.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key);

ALTER TABLE ONLY agent_workers.incarnations
    ADD CONSTRAINT incarnations_pkey PRIMARY KEY (one);

ALTER TABLE ONLY agent_workers.job_labels
    ADD CONSTRAINT job_labels_pkey PRIMARY KEY (tenant_id, label, at, job_id);

ALTER TABLE ONLY agent_workers.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (tenant_id, job_id);

ALTER TABLE ONLY agent_workers.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (tenant_id, job_id, number);

ALTER TABLE ONLY agent_workers.knowledge_chunks
    ADD CONSTRAINT knowledge_chunks_number_key UNIQUE (tenant_id, source, number);

ALTER TABLE ONLY agent_workers.knowledge_chunks
    ADD CONSTRAINT knowledge_chunks_pkey PRIMARY KEY (tenant_id, chunk_id);

ALTER TABLE ONLY agent_workers.knowledge_documents
    ADD CONSTRAINT knowledge_documents_content_key UNIQUE (tenant_id, content_hash);

ALTER TABLE ONLY agent_workers.knowledge_documents
    ADD CONSTRAINT knowledge_documents_model_key UNIQUE (tenant_id, source, model, dimensions);

ALTER TABLE ONLY agent_workers.knowledge_documents
    ADD CONSTRAINT knowledge_documents_pkey PRIMARY KEY (tenant_id, source);

ALTER TABLE ONLY agent_workers.mcp_servers
    ADD CONSTRAINT mcp_servers_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY agent_workers.mcp_tools
    ADD CONSTRAINT mcp_tools_pkey PRIMARY KEY (tenant_id, server, name);

ALTER TABLE ONLY agent_workers.memories
    ADD CONSTRAINT memories_namespace_key UNIQUE (tenant_id, user_id, memory_id);

ALTER TABLE ONLY agent_workers.memories
    ADD CONSTRAINT memories_pkey PRIMARY KEY (tenant_id, memory_id);

ALTER TABLE ONLY agent_workers.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (tenant_id, job_id, number);

ALTER TABLE ONLY agent_workers.messages
    ADD CONSTRAINT messages_sender_key UNIQUE (tenant_id, job_id, sender);

ALTER TABLE ONLY agent_workers.permits
    ADD CONSTRAINT permits_pkey PRIMARY KEY (tenant_id, effect_key, attempt);

ALTER TABLE ONLY agent_workers.project_secrets
    ADD CONSTRAINT project_secrets_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY agent_workers.quota_returns
    ADD CONSTRAINT quota_returns_pkey PRIMARY KEY (number);

ALTER TABLE ONLY agent_workers.quotas
    ADD CONSTRAINT quotas_pkey PRIMARY KEY (tenant_id, kind);

ALTER TABLE ONLY agent_workers.relays
    ADD CONSTRAINT relays_pkey PRIMARY KEY (name);

ALTER TABLE ONLY agent_workers.reservations
    ADD CONSTRAINT reservations_pkey PRIMARY KEY (tenant_id, budget_id, job_id);

ALTER TABLE ONLY agent_workers.schedule_runs
    ADD CONSTRAINT schedule_runs_pkey PRIMARY KEY (tenant_id, schedule_id, fire_at);

ALTER TABLE ONLY agent_workers.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (tenant_id, schedule_id);

ALTER TABLE ONLY agent_workers.session_messages
    ADD CONSTRAINT session_messages_pkey PRIMARY KEY (tenant_id, session_id, turn, part);

ALTER TABLE ONLY agent_workers.session_turns
    ADD CONSTRAINT session_turns_pkey PRIMARY KEY (tenant_id, job_id);

ALTER TABLE ONLY agent_workers.session_turns
    ADD CONSTRAINT session_turns_tenant_id_session_id_turn_key UNIQUE (tenant_id, session_id, turn);

ALTER TABLE ONLY agent_workers.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (tenant_id, session_id);

ALTER TABLE ONLY agent_workers.steps
    ADD CONSTRAINT steps_pkey PRIMARY KEY (tenant_id, job_id, "position");

ALTER TABLE ONLY agent_workers.suspicions
    ADD CONSTRAINT suspicions_pkey PRIMARY KEY (worker_id, tenant_id, job_id, "position");

ALTER TABLE ONLY agent_workers.timers
    ADD CONSTRAINT timers_pkey PRIMARY KEY (tenant_id, job_id, kind);

ALTER TABLE ONLY agent_workers.tool_places
    ADD CONSTRAINT tool_places_pkey PRIMARY KEY (tool, tenant_id, job_id, "position", fence);

ALTER TABLE ONLY agent_workers.tools
    ADD CONSTRAINT tools_pkey PRIMARY KEY (name);

ALTER TABLE ONLY agent_workers.triggers
    ADD CONSTRAINT triggers_name_key UNIQUE (tenant_id, name);

ALTER TABLE ONLY agent_workers.triggers
    ADD CONSTRAINT triggers_pkey PRIMARY KEY (tenant_id, trigger_id);

ALTER TABLE ONLY agent_workers.waits
    ADD CONSTRAINT waits_pkey PRIMARY KEY (tenant_id, job_id, "position");

ALTER TABLE ONLY agent_workers.webhook_attempts
    ADD CONSTRAINT webhook_attempts_pkey PRIMARY KEY (tenant_id, delivery_id, number);

ALTER TABLE ONLY agent_workers.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, delivery_id);

ALTER TABLE ONLY agent_workers.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (tenant_id, endpoint_id);

ALTER TABLE ONLY agent_workers.webhook_events
    ADD CONSTRAINT webhook_events_pkey PRIMARY KEY (tenant_id, event_id);

ALTER TABLE ONLY agent_workers.webhook_targets
    ADD CONSTRAINT webhook_targets_pkey PRIMARY KEY (tenant_id, target_id);

ALTER TABLE ONLY agent_workers.worker_reports
    ADD CONSTRAINT worker_reports_pkey PRIMARY KEY (report_id);

ALTER TABLE ONLY agent_workers.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (worker_id);

ALTER TABLE ONLY agent_workers.workspace_files
    ADD CONSTRAINT workspace_files_pkey PRIMARY KEY (tenant_id, job_id, path);

ALTER TABLE ONLY agent_workers.workspaces
    ADD CONSTRAINT workspaces_pkey PRIMARY KEY (tenant_id, job_id);

CREATE INDEX agent_versions_name_idx ON agent_workers.agent_versions USING btree (name);

CREATE UNIQUE INDEX api_keys_key_id_idx ON agent_workers.api_keys USING btree (key_id);

CREATE UNIQUE INDEX batch_items_custom_id_idx ON agent_workers.batch_items USING btree (custom_id, tenant_id, batch_id);

CREATE INDEX batch_items_status_idx ON agent_workers.batch_items USING btree (status, tenant_id, batch_id, number);

CREATE INDEX batches_created_at_idx ON agent_workers.batches USING btree (tenant_id, created_at, batch_id);

CREATE INDEX batches_look_idx ON agent_workers.batches USING btree (look_at) WHERE (finished_at IS NULL);

CREATE INDEX dead_letters_state_idx ON agent_workers.dead_letters USING btree (tenant_id, state, created_at, letter_id);

CREATE INDEX effects_in_doubt_idx ON agent_workers.effects USING btree (tenant_id, doubted_at) WHERE (state = 'in_doubt'::text);

CREATE INDEX effects_job_idx ON agent_workers.effects USING btree (tenant_id, job_id);

CREATE INDEX idempotency_keys_expires_at_idx ON agent_workers.idempotency_keys USING btree (expires_at);

CREATE INDEX jobs_session_idx ON agent_workers.jobs USING btree (tenant_id, session_id, created_at, job_id) WHERE (session_id <> ''::text);

CREATE INDEX jobs_tenant_id_created_at_job_id_idx ON agent_workers.jobs USING btree (tenant_id, created_at, job_id);

CREATE INDEX jobs_tenant_id_status_created_at_job_id_idx ON agent_workers.jobs USING btree (tenant_id, status, created_at, job_id);

CREATE INDEX jobs_user_idx ON agent_workers.jobs USING btree (tenant_id, user_id, created_at, job_id) WHERE (user_id <> ''::text);

CREATE INDEX journal_xact_idx ON agent_workers.journal USING btree (xact);

CREATE INDEX knowledge_chunks_words_idx ON agent_workers.knowledge_chunks USING gin (words);

CREATE INDEX mcp_servers_refresh_due_at_idx ON agent_workers.mcp_servers USING btree (refresh_due_at) WHERE (refresh_due_at IS NOT NULL);

CREATE INDEX memories_expires_idx ON agent_workers.memories USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE UNIQUE INDEX memories_known_idx ON agent_workers.memories USING btree (tenant_id, user_id, content_hash) WHERE (superseded_by IS NULL);

CREATE INDEX memories_model_idx ON agent_workers.memories USING btree (tenant_id, user_id, model) WHERE (superseded_by IS NULL);

CREATE INDEX memories_superseded_idx ON agent_workers.memories USING btree (tenant_id, user_id, superseded_by) WHERE (superseded_by IS NOT NULL);

CREATE INDEX memories_tenant_id_job_id_idx ON agent_workers.memories USING btree (tenant_id, job_id);

CREATE INDEX memories_tenant_id_user_id_created_at_idx ON agent_workers.memories USING btree (tenant_id, user_id, created_at);

CREATE INDEX messages_name_idx ON agent_workers.messages USING btree (tenant_id, job_id, name, number) WHERE (taken_by IS NULL);

CREATE UNIQUE INDEX permits_one_live_idx ON agent_workers.permits USING btree (tenant_id, effect_key) WHERE ((mode <> ALL (ARRAY['same_key'::text, 'repeat'::text])) AND ((says IS NULL) OR (says = ANY (ARRAY['happened'::text, 'unknown'::text]))));

CREATE INDEX quota_returns_tenant_id_kind_idx ON agent_workers.quota_returns USING btree (tenant_id, kind);

CREATE INDEX schedule_runs_live_idx ON agent_workers.schedule_runs USING btree (tenant_id, schedule_id, state) WHERE (state = ANY (ARRAY['waiting'::text, 'started'::text]));

CREATE INDEX schedules_created_at_idx ON agent_workers.schedules USING btree (tenant_id, created_at, schedule_id);

CREATE INDEX schedules_due_idx ON agent_workers.schedules USING btree (next_fire_at) WHERE (status = 'active'::text);

CREATE UNIQUE INDEX session_turns_now_idx ON agent_workers.session_turns USING btree (tenant_id, session_id) WHERE (state = 'now'::text);

CREATE INDEX session_turns_open_idx ON agent_workers.session_turns USING btree (tenant_id, session_id, turn) WHERE (state <> 'over'::text);

CREATE INDEX sessions_look_at_idx ON agent_workers.sessions USING btree (look_at);

CREATE INDEX sessions_tenant_id_used_at_idx ON agent_workers.sessions USING btree (tenant_id, used_at, session_id);

CREATE INDEX steps_lease_idx ON agent_workers.steps USING btree (lease_until) WHERE (status = 'claimed'::text);

CREATE INDEX steps_parked_idx ON agent_workers.steps USING btree (tenant_id, job_id) WHERE (status = ANY (ARRAY['in_doubt'::text, 'quarantined'::text]));

CREATE INDEX steps_ready_idx ON agent_workers.steps USING btree (lane, due_at) WHERE (status = 'ready'::text);

CREATE INDEX steps_ring_idx ON agent_workers.steps USING btree (lane, ring_at) WHERE (status = 'ready'::text);

CREATE INDEX steps_turns_idx ON agent_workers.steps USING btree (lane, tenant_id, due_at) WHERE (status = 'ready'::text);

CREATE INDEX timers_due_at_idx ON agent_workers.timers USING btree (due_at);

CREATE INDEX waits_breaker_idx ON agent_workers.waits USING btree (key, tenant_id, expires_at) WHERE ((kind = 'breaker'::text) AND (answered_at IS NULL));

CREATE INDEX waits_child_idx ON agent_workers.waits USING btree (tenant_id, child_id) WHERE (child_id IS NOT NULL);

CREATE INDEX waits_key_idx ON agent_workers.waits USING btree (tenant_id, kind, key) WHERE (answered_at IS NULL);

CREATE INDEX waits_place_idx ON agent_workers.waits USING btree (key, tenant_id, created_at) WHERE ((kind = 'place'::text) AND (answered_at IS NULL));

CREATE INDEX waits_worker_idx ON agent_workers.waits USING btree (key, expires_at) WHERE ((kind = 'worker'::text) AND (answered_at IS NULL));

CREATE INDEX webhook_deliveries_behind_idx ON agent_workers.webhook_deliveries USING btree (tenant_id, due_at) WHERE ((status = 'pending'::text) AND behind);

CREATE INDEX webhook_deliveries_due_idx ON agent_workers.webhook_deliveries USING btree (tenant_id, target_id, due_at) WHERE (status = 'pending'::text);

CREATE INDEX webhook_deliveries_endpoint_idx ON agent_workers.webhook_deliveries USING btree (tenant_id, endpoint_id, created_at, delivery_id);

CREATE UNIQUE INDEX webhook_deliveries_event_idx ON agent_workers.webhook_deliveries USING btree (tenant_id, event_id, target_id);

CREATE INDEX webhook_deliveries_fresh_idx ON agent_workers.webhook_deliveries USING btree (tenant_id, target_id, due_at) WHERE ((status = 'pending'::text) AND (NOT behind));

CREATE INDEX webhook_deliveries_sending_idx ON agent_workers.webhook_deliveries USING btree (tenant_id, target_id, lease_until) WHERE (status = 'sending'::text);

CREATE INDEX webhook_deliveries_waiting_idx ON agent_workers.webhook_deliveries USING btree (due_at) WHERE ((status = 'pending'::text) AND behind);

CREATE INDEX webhook_events_age_idx ON agent_workers.webhook_events USING brin (created_at);

CREATE INDEX webhook_events_created_at_idx ON agent_workers.webhook_events USING btree (tenant_id, created_at);

CREATE TRIGGER agent_versions_bytes_come AFTER INSERT ON agent_workers.agent_versions REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes('');

CREATE TRIGGER agent_versions_bytes_go AFTER DELETE ON agent_workers.agent_versions REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes();

CREATE TRIGGER agent_versions_never_change BEFORE DELETE OR UPDATE ON agent_workers.agent_versions FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('a version of an agent never changes');

CREATE CONSTRAINT TRIGGER agents_come AFTER INSERT ON agent_workers.agents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('agents', 'come');

CREATE CONSTRAINT TRIGGER agents_go AFTER DELETE ON agent_workers.agents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('agents', 'go');

CREATE TRIGGER batch_items_bytes_come AFTER INSERT ON agent_workers.batch_items REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes('asked');

CREATE TRIGGER batch_items_bytes_go AFTER DELETE ON agent_workers.batch_items REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes();

CREATE CONSTRAINT TRIGGER batches_come AFTER INSERT ON agent_workers.batches DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.finished_at IS NULL)) EXECUTE FUNCTION agent_workers.count_for_quota('batches', 'come');

CREATE CONSTRAINT TRIGGER batches_end AFTER UPDATE ON agent_workers.batches DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((old.finished_at IS NULL) AND (new.finished_at IS NOT NULL))) EXECUTE FUNCTION agent_workers.count_for_quota('batches', 'go');

CREATE CONSTRAINT TRIGGER batches_go AFTER DELETE ON agent_workers.batches DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((old.finished_at IS NULL)) EXECUTE FUNCTION agent_workers.count_for_quota('batches', 'go');

CREATE TRIGGER budgets_guard BEFORE UPDATE ON agent_workers.budgets FOR EACH ROW EXECUTE FUNCTION agent_workers.guard_budget();

CREATE TRIGGER dead_letters_bytes_come AFTER INSERT ON agent_workers.dead_letters REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes('');

CREATE TRIGGER dead_letters_bytes_go AFTER DELETE ON agent_workers.dead_letters REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes();

CREATE TRIGGER effects_abandoned BEFORE UPDATE ON agent_workers.effects FOR EACH ROW WHEN (((old.state = 'abandoned'::text) AND (new.state <> ALL (ARRAY['abandoned'::text, 'done'::text])))) EXECUTE FUNCTION agent_workers.refuse('an effect that was given up is not attempted again');

CREATE TRIGGER effects_done BEFORE UPDATE ON agent_workers.effects FOR EACH ROW WHEN (((old.state = 'done'::text) AND ((new.state <> 'done'::text) OR (new.result IS DISTINCT FROM old.result)))) EXECUTE FUNCTION agent_workers.refuse('an effect that is done stays done');

CREATE TRIGGER effects_intent BEFORE UPDATE ON agent_workers.effects FOR EACH ROW WHEN (((new.effect_key <> old.effect_key) OR (new.request <> old.request) OR (new.request_hash <> old.request_hash) OR (new.cls <> old.cls) OR (new.tool <> old.tool) OR (new.root_id <> old.root_id) OR (new."position" <> old."position") OR (new.ordinal <> old.ordinal))) EXECUTE FUNCTION agent_workers.refuse('an intent never changes');

CREATE TRIGGER effects_kept BEFORE DELETE ON agent_workers.effects FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('effects are kept as long as their job');

CREATE TRIGGER evidence_only_grows BEFORE DELETE OR UPDATE ON agent_workers.evidence FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('evidence is append-only');

CREATE TRIGGER jobs_bytes_go AFTER DELETE ON agent_workers.jobs FOR EACH ROW EXECUTE FUNCTION agent_workers.note_bytes_said();

CREATE TRIGGER jobs_guard BEFORE INSERT OR UPDATE ON agent_workers.jobs FOR EACH ROW EXECUTE FUNCTION agent_workers.guard_job();

CREATE TRIGGER jobs_unlearned BEFORE DELETE ON agent_workers.jobs FOR EACH ROW EXECUTE FUNCTION agent_workers.unlearn_purged();

CREATE TRIGGER journal_only_grows BEFORE DELETE OR UPDATE OF tenant_id, job_id, number, type, at, data, bytes ON agent_workers.journal FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('the journal is append-only');

CREATE TRIGGER knowledge_chunks_bytes_come AFTER INSERT ON agent_workers.knowledge_chunks REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes('');

CREATE TRIGGER knowledge_chunks_bytes_go AFTER DELETE ON agent_workers.knowledge_chunks REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes();

CREATE TRIGGER knowledge_chunks_final BEFORE UPDATE ON agent_workers.knowledge_chunks FOR EACH ROW WHEN ((((((new.tenant_id IS DISTINCT FROM old.tenant_id) OR (new.chunk_id IS DISTINCT FROM old.chunk_id)) OR (new.source IS DISTINCT FROM old.source)) OR (new.heading IS DISTINCT FROM old.heading)) OR (new.content IS DISTINCT FROM old.content))) EXECUTE FUNCTION agent_workers.refuse('what a chunk says never changes');

CREATE TRIGGER knowledge_chunks_words BEFORE INSERT OR UPDATE ON agent_workers.knowledge_chunks FOR EACH ROW EXECUTE FUNCTION agent_workers.list_chunk_words();

CREATE TRIGGER knowledge_documents_bytes_come AFTER INSERT ON agent_workers.knowledge_documents REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes('asked');

CREATE TRIGGER knowledge_documents_bytes_go AFTER DELETE ON agent_workers.knowledge_documents REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes();

CREATE CONSTRAINT TRIGGER knowledge_documents_come AFTER INSERT ON agent_workers.knowledge_documents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('knowledge_documents', 'come');

CREATE CONSTRAINT TRIGGER knowledge_documents_go AFTER DELETE ON agent_workers.knowledge_documents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('knowledge_documents', 'go');

CREATE CONSTRAINT TRIGGER mcp_servers_back AFTER UPDATE ON agent_workers.mcp_servers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((old.state = 'removed'::text) AND (new.state <> 'removed'::text))) EXECUTE FUNCTION agent_workers.count_for_quota('mcp_servers', 'come');

CREATE TRIGGER mcp_servers_changed AFTER UPDATE ON agent_workers.mcp_servers FOR EACH ROW WHEN (((old.command <> new.command) OR (old.url <> new.url) OR ((old.state = 'removed'::text) AND (new.state <> 'removed'::text)))) EXECUTE FUNCTION agent_workers.mcp_forget();

CREATE CONSTRAINT TRIGGER mcp_servers_come AFTER INSERT ON agent_workers.mcp_servers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.state <> 'removed'::text)) EXECUTE FUNCTION agent_workers.count_for_quota('mcp_servers', 'come');

CREATE TRIGGER mcp_servers_counted BEFORE UPDATE ON agent_workers.mcp_servers FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION agent_workers.mcp_counted();

CREATE CONSTRAINT TRIGGER mcp_servers_go AFTER UPDATE ON agent_workers.mcp_servers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((old.state <> 'removed'::text) AND (new.state = 'removed'::text))) EXECUTE FUNCTION agent_workers.count_for_quota('mcp_servers', 'go');

CREATE TRIGGER mcp_servers_kept BEFORE DELETE ON agent_workers.mcp_servers FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('servers are kept: mark them as removed');

CREATE TRIGGER mcp_tools_approved_as_seen BEFORE UPDATE ON agent_workers.mcp_tools FOR EACH ROW WHEN (((new.approved_hash IS DISTINCT FROM old.approved_hash) AND (new.approved_hash IS NOT NULL) AND (new.approved_hash IS DISTINCT FROM new.seen_hash))) EXECUTE FUNCTION agent_workers.refuse('only what was seen last can be approved');

CREATE TRIGGER mcp_tools_approved_when_new BEFORE INSERT ON agent_workers.mcp_tools FOR EACH ROW WHEN ((new.approved IS NOT NULL)) EXECUTE FUNCTION agent_workers.refuse('a tool is approved after it was seen, by somebody');

CREATE TRIGGER mcp_tools_counted BEFORE UPDATE ON agent_workers.mcp_tools FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION agent_workers.mcp_counted();

CREATE TRIGGER mcp_tools_kept BEFORE DELETE ON agent_workers.mcp_tools FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('tools of servers are kept: jobs may name them');

CREATE TRIGGER memories_bytes_come AFTER INSERT ON agent_workers.memories REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes('asked');

CREATE TRIGGER memories_bytes_go AFTER DELETE ON agent_workers.memories REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes();

CREATE CONSTRAINT TRIGGER memories_come AFTER INSERT ON agent_workers.memories DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('memories', 'come');

CREATE CONSTRAINT TRIGGER memories_go AFTER DELETE ON agent_workers.memories DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('memories', 'go');

CREATE TRIGGER memories_kept BEFORE UPDATE ON agent_workers.memories FOR EACH ROW WHEN (((((((((((new.tenant_id IS DISTINCT FROM old.tenant_id) OR (new.memory_id IS DISTINCT FROM old.memory_id)) OR (new.user_id IS DISTINCT FROM old.user_id)) OR (new.subject IS DISTINCT FROM old.subject)) OR (new.content IS DISTINCT FROM old.content)) OR (new.content_hash IS DISTINCT FROM old.content_hash)) OR (new.confidence IS DISTINCT FROM old.confidence)) OR (new.job_id IS DISTINCT FROM old.job_id)) OR (new."position" IS DISTINCT FROM old."position")) OR (new.created_at IS DISTINCT FROM old.created_at))) EXECUTE FUNCTION agent_workers.refuse('what was remembered never changes: it is superseded');

CREATE TRIGGER messages_bytes_come AFTER INSERT ON agent_workers.messages REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes('');

CREATE TRIGGER messages_bytes_go AFTER DELETE ON agent_workers.messages REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes();

CREATE TRIGGER messages_kept BEFORE DELETE ON agent_workers.messages FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('messages are kept as long as their job');

CREATE TRIGGER messages_sent BEFORE UPDATE ON agent_workers.messages FOR EACH ROW WHEN (((new.number <> old.number) OR (new.name <> old.name) OR (new.data <> old.data) OR (new.sender <> old.sender) OR (old.taken_by IS NOT NULL))) EXECUTE FUNCTION agent_workers.refuse('a message is taken once, and never changes');

CREATE TRIGGER permits_grant BEFORE UPDATE ON agent_workers.permits FOR EACH ROW WHEN (((new.attempt <> old.attempt) OR (new.mode <> old.mode) OR (new.fence <> old.fence) OR (new.granted_at <> old.granted_at) OR (new.settle_ms <> old.settle_ms) OR ((new.quiet_after <> old.quiet_after) AND (old.says = ANY (ARRAY['happened'::text, 'not_executed'::text, 'absent'::text]))) OR ((new.quiet_after < old.quiet_after) AND (new.quiet_after IS DISTINCT FROM (new.holder_gone_at + make_interval(secs => (((new.settle_ms)::numeric / 1000.0))::double precision)))) OR ((old.holder_gone_at IS NOT NULL) AND (new.holder_gone_at IS DISTINCT FROM old.holder_gone_at)) OR (new.key_expires_at IS DISTINCT FROM old.key_expires_at))) EXECUTE FUNCTION agent_workers.refuse('what a permit granted never changes');

CREATE TRIGGER permits_kept BEFORE DELETE ON agent_workers.permits FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('permits are kept as long as their effect');

CREATE TRIGGER permits_says BEFORE UPDATE ON agent_workers.permits FOR EACH ROW WHEN (((old.says = ANY (ARRAY['happened'::text, 'not_executed'::text, 'absent'::text])) AND (new.says IS DISTINCT FROM old.says))) EXECUTE FUNCTION agent_workers.refuse('what is proven of a permit is final');

CREATE CONSTRAINT TRIGGER schedules_come AFTER INSERT ON agent_workers.schedules DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('schedules', 'come');

CREATE CONSTRAINT TRIGGER schedules_go AFTER DELETE ON agent_workers.schedules DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('schedules', 'go');

CREATE TRIGGER session_messages_bytes_come AFTER INSERT ON agent_workers.session_messages REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes('');

CREATE TRIGGER session_messages_bytes_go AFTER DELETE ON agent_workers.session_messages REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION agent_workers.note_bytes();

CREATE TRIGGER session_messages_said BEFORE UPDATE ON agent_workers.session_messages FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('what was said never changes');

CREATE TRIGGER session_turns_guard BEFORE INSERT OR UPDATE ON agent_workers.session_turns FOR EACH ROW EXECUTE FUNCTION agent_workers.guard_turn();

CREATE CONSTRAINT TRIGGER sessions_come AFTER INSERT ON agent_workers.sessions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('sessions', 'come');

CREATE CONSTRAINT TRIGGER sessions_go AFTER DELETE ON agent_workers.sessions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('sessions', 'go');

CREATE TRIGGER steps_guard BEFORE INSERT OR UPDATE ON agent_workers.steps FOR EACH ROW EXECUTE FUNCTION agent_workers.guard_step();

CREATE TRIGGER steps_kept BEFORE DELETE ON agent_workers.steps FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('steps are kept as long as their job');

CREATE CONSTRAINT TRIGGER triggers_come AFTER INSERT ON agent_workers.triggers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('triggers', 'come');

CREATE CONSTRAINT TRIGGER triggers_go AFTER DELETE ON agent_workers.triggers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('triggers', 'go');

CREATE TRIGGER waits_answered BEFORE UPDATE ON agent_workers.waits FOR EACH ROW WHEN (((old.answer IS NOT NULL) AND (old.kind <> ALL (ARRAY['breaker'::text, 'place'::text, 'worker'::text])) AND ((new.answer IS DISTINCT FROM old.answer) OR (new.kind <> old.kind)))) EXECUTE FUNCTION agent_workers.refuse('an answer is given once');

CREATE TRIGGER waits_child BEFORE UPDATE ON agent_workers.waits FOR EACH ROW WHEN (((old.kind = 'child'::text) AND (new.child_id IS DISTINCT FROM old.child_id))) EXECUTE FUNCTION agent_workers.refuse('a step starts one child, once');

CREATE TRIGGER waits_kept BEFORE DELETE ON agent_workers.waits FOR EACH ROW EXECUTE FUNCTION agent_workers.refuse('waits are kept as long as their job');

CREATE CONSTRAINT TRIGGER webhook_endpoints_come AFTER INSERT ON agent_workers.webhook_endpoints DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('webhook_endpoints', 'come');

CREATE CONSTRAINT TRIGGER webhook_endpoints_go AFTER DELETE ON agent_workers.webhook_endpoints DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION agent_workers.count_for_quota('webhook_endpoints', 'go');

CREATE TRIGGER workspace_files_counted AFTER INSERT OR DELETE OR UPDATE ON agent_workers.workspace_files FOR EACH ROW EXECUTE FUNCTION agent_workers.count_workspace_file();

CREATE TRIGGER workspace_files_guard BEFORE UPDATE OF tenant_id, job_id, path ON agent_workers.workspace_files FOR EACH ROW EXECUTE FUNCTION agent_workers.guard_workspace_file();

CREATE TRIGGER workspaces_bytes AFTER UPDATE OF bytes ON agent_workers.workspaces FOR EACH ROW WHEN ((new.bytes <> old.bytes)) EXECUTE FUNCTION agent_workers.note_bytes_said();

CREATE TRIGGER workspaces_bytes_go AFTER DELETE ON agent_workers.workspaces FOR EACH ROW EXECUTE FUNCTION agent_workers.note_bytes_said();

ALTER TABLE ONLY agent_workers.batch_items
    ADD CONSTRAINT batch_items_tenant_id_batch_id_fkey FOREIGN KEY (tenant_id, batch_id) REFERENCES agent_workers.batches(tenant_id, batch_id);

ALTER TABLE ONLY agent_workers.evidence
    ADD CONSTRAINT evidence_tenant_id_effect_key_attempt_fkey FOREIGN KEY (tenant_id, effect_key, attempt) REFERENCES agent_workers.permits(tenant_id, effect_key, attempt);

ALTER TABLE ONLY agent_workers.knowledge_chunks
    ADD CONSTRAINT knowledge_chunks_document_fkey FOREIGN KEY (tenant_id, source, model, dimensions) REFERENCES agent_workers.knowledge_documents(tenant_id, source, model, dimensions) ON DELETE CASCADE;

ALTER TABLE ONLY agent_workers.mcp_tools
    ADD CONSTRAINT mcp_tools_tenant_id_server_fkey FOREIGN KEY (tenant_id, server) REFERENCES agent_workers.mcp_servers(tenant_id, name);

ALTER TABLE ONLY agent_workers.memories
    ADD CONSTRAINT memories_tenant_id_job_id_fkey FOREIGN KEY (tenant_id, job_id) REFERENCES agent_workers.jobs(tenant_id, job_id) ON DELETE CASCADE;

ALTER TABLE ONLY agent_workers.memories
    ADD CONSTRAINT memories_tenant_id_user_id_superseded_by_fkey FOREIGN KEY (tenant_id, user_id, superseded_by) REFERENCES agent_workers.memories(tenant_id, user_id, memory_id) ON DELETE CASCADE;

ALTER TABLE ONLY agent_workers.permits
    ADD CONSTRAINT permits_tenant_id_effect_key_cls_fkey FOREIGN KEY (tenant_id, effect_key, cls) REFERENCES agent_workers.effects(tenant_id, effect_key, cls);

ALTER TABLE ONLY agent_workers.reservations
    ADD CONSTRAINT reservations_tenant_id_budget_id_fkey FOREIGN KEY (tenant_id, budget_id) REFERENCES agent_workers.budgets(tenant_id, budget_id);

ALTER TABLE ONLY agent_workers.schedule_runs
    ADD CONSTRAINT schedule_runs_tenant_id_schedule_id_fkey FOREIGN KEY (tenant_id, schedule_id) REFERENCES agent_workers.schedules(tenant_id, schedule_id) ON DELETE CASCADE;

ALTER TABLE ONLY agent_workers.session_messages
    ADD CONSTRAINT session_messages_tenant_id_session_id_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES agent_workers.sessions(tenant_id, session_id) ON DELETE CASCADE;

ALTER TABLE ONLY agent_workers.session_turns
    ADD CONSTRAINT session_turns_tenant_id_job_id_fkey FOREIGN KEY (tenant_id, job_id) REFERENCES agent_workers.jobs(tenant_id, job_id);

ALTER TABLE ONLY agent_workers.session_turns
    ADD CONSTRAINT session_turns_tenant_id_session_id_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES agent_workers.sessions(tenant_id, session_id) ON DELETE CASCADE;

ALTER TABLE ONLY agent_workers.steps
    ADD CONSTRAINT steps_tenant_id_job_id_fkey FOREIGN KEY (tenant_id, job_id) REFERENCES agent_workers.jobs(tenant_id, job_id);

ALTER TABLE ONLY agent_workers.waits
    ADD CONSTRAINT waits_tenant_id_job_id_position_fkey FOREIGN KEY (tenant_id, job_id, "position") REFERENCES agent_workers.steps(tenant_id, job_id, "position");

ALTER TABLE ONLY agent_workers.workspace_files
    ADD CONSTRAINT workspace_files_tenant_id_job_id_fkey FOREIGN KEY (tenant_id, job_id) REFERENCES agent_workers.workspaces(tenant_id, job_id) ON DELETE CASCADE;

ALTER TABLE ONLY agent_workers.workspaces
    ADD CONSTRAINT workspaces_tenant_id_job_id_fkey FOREIGN KEY (tenant_id, job_id) REFERENCES agent_workers.jobs(tenant_id, job_id) ON DELETE CASCADE;

REVOKE ALL ON FUNCTION agent_workers.count_for_quota() FROM PUBLIC;

REVOKE ALL ON FUNCTION agent_workers.enqueue(agent text, input jsonb, key text, tenant text, priority integer, run_at timestamp with time zone, metadata jsonb, max_steps integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION agent_workers.give_verdict(p_tenant text, p_key uuid, p_verdict text, p_result bytea, p_hash bytea, p_by text, p_reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION agent_workers.new_job_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION agent_workers.note_bytes() FROM PUBLIC;

REVOKE ALL ON FUNCTION agent_workers.note_bytes_said() FROM PUBLIC;

REVOKE ALL ON FUNCTION agent_workers.store(p_tenant text, p_agent text, p_input jsonb, p_key text, p_fingerprint bytea, p_priority integer, p_run_at timestamp with time zone, p_metadata jsonb, p_max_steps integer, OUT verdict text, OUT id uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION agent_workers.watch_row() FROM PUBLIC;
