-- Stuck turns: a job that is in doubt or in quarantine while others of its session wait behind it,
-- and what its agent says must become of it then.
--
-- While a job of a session is in doubt or in quarantine it has a timer `stuck`, which is due when a
-- keeper is to look at it, and never while there is nothing to look for. Who brings a job into that
-- state or out of it holds the job's lock, and takes no other. A job that comes in behind it has
-- the session's lock and asks by `sessions.look_at`: it must not wait for whoever holds the job.

create function is_stuck(p_status text) returns boolean language sql immutable as $$
  select p_status in ('in_doubt', 'quarantined')
$$;

-- The agent's policy is that of the version that the job was submitted to.
create function stuck_policy(j jobs, out policy text, out patience interval)
language sql stable as $$
  select coalesce(v.definition->>'on_stuck_turn', 'wait'),
         make_interval(secs => coalesce((v.definition->>'stuck_after_s')::float8, 900))
    from (select) one left join lateral (
      select definition from agent_versions
       where tenant_id in (j.tenant_id, '*') and name = j.agent and version = j.agent_version
       order by tenant_id = '*' limit 1) v on true
$$;

-- The status of a live job has changed, and its row is locked by us: j is the row as it was.
create function watch_turn(j jobs) returns void language plpgsql as $$
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

create function job_with_turn(p_tenant text, p_session text) returns uuid language plpgsql stable
set enable_seqscan = off as $$
begin
  return (select job_id from session_turns
           where tenant_id = p_tenant and session_id = p_session and state = 'now');
end $$;

-- While the job whose turn it is goes on, no keeper need look at those that queue up behind it.
create function turn_goes_on(p_tenant text, p_session text) returns boolean language plpgsql stable
set enable_seqscan = off as $$
declare v_job uuid := job_with_turn(p_tenant, p_session);
begin
  return exists (select from jobs
                  where tenant_id = p_tenant and job_id = v_job and not is_stuck(status));
end $$;

-- Somebody may wait behind a job with the turn of a session that is locked by us: if the job is
-- stuck, have a keeper look at it. False when whoever holds the timer may yet leave it as it is.
create function watch_again(p_tenant text, p_job uuid) returns boolean language plpgsql
set enable_seqscan = off as $$
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

-- Look at a turn whose timer is due; its job and its session are locked by us.
create function look_at_turn(p_tenant text, p_job uuid) returns void language plpgsql
set enable_seqscan = off as $$
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

-- Say once that a turn is stuck: to the job's journal and to whoever wants to hear of sessions.
create function tell_stuck(j jobs, p_now timestamptz, p_waiting int, p_policy text,
                           p_patience interval)
returns void language plpgsql as $$
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

-- Others have waited long enough: their turns come, and the job stays as it is, or fails.
create function end_stuck(j jobs, p_policy text, p_waiting int) returns void language plpgsql as $$
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

create function instant_of(p_at timestamptz) returns text language sql stable as $$
  select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

create function job_name(p_job uuid) returns text language sql immutable as $$
  select 'job_' || replace(p_job::text, '-', '')
$$;

-- The job whose turn it is; and if it is stuck: since when, and what will become of that.
create function turn_ahead(p_tenant text, p_session text) returns json language plpgsql stable as $$
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

-- What is in the way of a job whose turn has not come, as its view tells of waits.
create function waiting_for_turn(p_tenant text, p_job uuid) returns text language sql stable as $$
  select coalesce(json_agg(json_build_object(
           'position', 0, 'kind', 'session', 'key', t.session_id, 'prompt', null,
           'since', instant_of(j.created_at), 'until', null,
           'behind', turn_ahead(t.tenant_id, t.session_id))), '[]')::text
    from session_turns t join jobs j using (tenant_id, job_id)
   where t.tenant_id = p_tenant and t.job_id = p_job and t.state = 'waiting'
$$;
