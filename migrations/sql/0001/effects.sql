-- Permits and evidence. Lock order: job, step, effect, permit.

create type asked_permit as (
  result text,              -- ok, fenced, stopping (canceled, paused, past its deadline), or
                            -- settling: canceled, and an attempt has no answer yet
  state text, effect_result bytea, request bytea, cls text, first_granted_at timestamptz,
  quiet_after timestamptz, attempt int, says text, source text, now timestamptz,
  refusals int,             -- how often the tool refused for good
  failed_looks int, failed_looks_for_good int, -- look-ups since the last permit
  reason text               -- what that one ended with, if it was not told to have happened
);

-- When a permit acts no more. A keyed effect may run on a thread, which ends no sooner than its key;
-- but one that has replied, however unclearly, or whose process is gone, acts no more.
create function quiet_of(p permits) returns timestamptz language sql immutable as $$
  select greatest(p.quiet_after, case when p.says is null and p.holder_gone_at is null
                                      then p.key_expires_at end)
$$;

-- The process of a worker is gone, as its own host says: what it was allowed to do, it does no more,
-- and what it had sent can be seen after the settling time.
create function hush_permits(p_tenant text, p_job uuid, p_position int, p_worker uuid)
returns void language sql as $$
  update permits set holder_gone_at = gone.at,
                     quiet_after = least(quiet_after,
                                         gone.at + make_interval(secs => settle_ms / 1000.0))
    from effects e, (select clock_timestamp() as at) gone
   where e.tenant_id = p_tenant and e.job_id = p_job and e.position = p_position
     and permits.tenant_id = e.tenant_id and permits.effect_key = e.effect_key
     and permits.worker_id = p_worker and permits.holder_gone_at is null
     and (permits.says is null or permits.says = 'unknown')
$$;

-- Write the intent if there is none yet, and read all that decides about a permit, under locks.
create function ask_permit(
  p_tenant text, p_job uuid, p_position int, p_fence int, p_ordinal int, p_key uuid,
  p_tool text, p_cls text, p_request bytea, p_hash bytea
) returns asked_permit language plpgsql as $$
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

create function grant_permit(
  p_tenant text, p_key uuid, p_attempt int, p_mode text, p_fence int, p_worker uuid,
  p_quiet_ms bigint, p_key_ttl_ms bigint, p_settle_ms bigint
) returns timestamptz language plpgsql as $$
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

create type taken_evidence as (job_id uuid, "position" int, contradicts boolean, rings boolean);

-- Keep a piece of evidence, whatever became of the step, the lease or the job meanwhile.
create function add_evidence(
  p_tenant text, p_key uuid, p_attempt int, p_says text, p_source text, p_result bytea,
  p_hash bytea, p_by text, p_reason text, p_for_good boolean default false
) returns taken_evidence language plpgsql as $$
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

-- Evidence or a verdict has come in: wake the step that stood in doubt, and say what is late.
create function end_doubt(j jobs, e effects, p_says text, p_source text, p_contradicts boolean)
returns boolean language plpgsql as $$
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

-- The one place where a doubt is written down: with its reason, in the journal, and announced.
create function mark_doubt(e effects, p_reason text) returns void language plpgsql as $$
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

-- Nobody will ask any more what became of the open permits of a step (of a job: null).
create function doubt_open(p_tenant text, p_job uuid, p_position int, p_reason text)
returns void language plpgsql as $$
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

-- Nobody can know: the effect is in doubt, its step is parked, the job says so.
create function doubt_effect(
  p_tenant text, p_job uuid, p_position int, p_fence int, p_key uuid, p_reason text
) returns text language plpgsql as $$
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

-- A person's verdict: happened, not_happened or abandon. "Not" is refused before the quiet time. It runs
-- with our rights: whoever takes in verdicts needs no right to write evidence of any other kind.
create function give_verdict(
  p_tenant text, p_key uuid, p_verdict text, p_result bytea, p_hash bytea, p_by text,
  p_reason text
) returns taken_evidence language plpgsql security definer
set search_path = agent_workers, pg_temp as $$
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

revoke all on function give_verdict from public;
