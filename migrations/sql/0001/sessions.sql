-- Sessions: jobs of one conversation run one after another, and what was said is kept.
--
-- A session's lock stands last, behind the budgets: whoever holds one waits for nothing but for
-- other sessions, in the order of their names. The first step of the job whose turn comes is taken
-- only if nobody holds it; else the turn is left to the keeper. Who has locked many jobs tries.
-- Rows are found by their keys: a plan may be older than ten thousand turns.
--
-- A turn is waiting, now, and over when its job has ended. Skipped is that of a job that got stuck
-- (stuck_turns.sql): the job lives on and may end one day, and is in nobody's way.

create function session_lock(p_tenant text, p_session text) returns bigint
language sql immutable as $$
  select hashtextextended('session ' || length(p_tenant) || ' ' || p_tenant || ' ' || p_session, 0)
$$;

create function lock_session(p_tenant text, p_session text) returns void language sql as $$
  select pg_advisory_xact_lock(session_lock(p_tenant, p_session))
$$;

create function try_session(p_tenant text, p_session text) returns boolean language sql as $$
  select pg_try_advisory_xact_lock(session_lock(p_tenant, p_session))
$$;

-- The session as it is now, made when there is none: one whose time is over begins anew.
create function open_session(p_tenant text, p_session text, p_user text, p_ttl_s int)
returns sessions language plpgsql as $$
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

-- Jobs take their turns in the transaction that admits them. All locks first, in one order.
create function enter_sessions(p_jobs submission[]) returns void language plpgsql as $$
declare j submission;
begin
  perform lock_session(o.tenant_id, o.session_id) from (
    select distinct tenant_id, session_id from unnest(p_jobs) where session_id <> ''
     order by tenant_id, session_id offset 0) o;
  foreach j in array p_jobs loop
    if j.session_id <> '' then perform enter_session(j); end if;
  end loop;
end $$;

-- p.on_busy: queue (also null), reject or interrupt: then whatever was asked before is stopped, by
-- whoever sweeps next; no other job is locked here.
create function enter_session(p submission) returns void language plpgsql
set enable_seqscan = off as $$
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

-- A job of a session has ended, in whatever way: what it answered is said, and the turn passes on.
create function leave_session(j jobs) returns void language plpgsql
set enable_seqscan = off as $$
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

-- Give the turn to the job that has waited longest, if nobody has it; of a session that is locked
-- by us. What cannot be done without waiting is left to the keeper.
create function pass_turn(p_tenant text, p_session text) returns void language plpgsql
set enable_seqscan = off as $$
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

-- Look after sessions whose time has come: turns that were left, and those that nobody uses. A long
-- one is forgotten piece by piece: others are locked here meanwhile.
create function keep_sessions(p_limit int, p_since timestamptz default '-infinity')
returns void language plpgsql
set enable_seqscan = off as $$
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

-- Keep a message that no job said; returns its turn.
create function add_message(
  p_tenant text, p_session text, p_user text, p_ttl_s int, p_id uuid, p_role text,
  p_content bytea, p_calls bytea, p_call_id text
) returns int language plpgsql as $$
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

-- Forget what was said. Jobs that have not ended keep their turns, and add nothing to what is gone.
create function clear_session(p_tenant text, p_session text) returns boolean language plpgsql as $$
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

-- Take over what a step of a job summed up, unless the session was cleared or folded meanwhile.
create function fold_session(p_tenant text, p_session text, p_summary bytea)
returns void language plpgsql as $$
declare v json := convert_from(p_summary, 'UTF8')::json;
begin
  perform lock_session(p_tenant, p_session);
  update sessions set summary = p_summary, summed_to = (v->>'last')::int,
                      version = gen_random_uuid()
   where tenant_id = p_tenant and session_id = p_session and version = (v->>'version')::uuid
     and summed_to < (v->>'last')::int and v->>'summary' <> '';
end $$;

-- A turn comes once, in its order, and what was said never changes.
create function guard_turn() returns trigger language plpgsql as $$
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

create trigger session_turns_guard before insert or update on session_turns
  for each row execute function guard_turn();
create trigger session_messages_said before update on session_messages for each row
  execute function refuse('what was said never changes');
