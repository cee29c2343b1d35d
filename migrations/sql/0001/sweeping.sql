-- Sweeping: what nobody holds any more is found by whoever looks first, and rung for again.

create type ring as (
  tenant_id text, job_id uuid, "position" int, kind text, lane text, high boolean, rings int
);

-- One process at a time sweeps; the others have their look the next time. The lock ends with the
-- statement that took it, so a sweeper that freezes holds nothing back.
create function may_sweep(p_name text) returns boolean language plpgsql as $$
begin
  return pg_try_advisory_xact_lock(hashtextextended('sweep ' || p_name, 0));
end $$;

-- A step somebody held is free again: ready, or at the end of its job's patience. It keeps the
-- due time it had, and so goes before whatever has queued up since.
create function free_step(
  s steps, p_why text, p_died boolean, p_poison_after int, p_gone boolean default false
) returns ring language plpgsql as $$
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

-- Whether an attempt may have been in the tool's own code: an effect is only under its permit.
create function is_acting(s steps) returns boolean language sql stable as $$
  select s.effect not in ('keyed', 'reconcilable', 'unsafe') or exists (
    select from effects e join permits p using (tenant_id, effect_key)
     where e.tenant_id = s.tenant_id and e.job_id = s.job_id and e.position = s.position
       and p.worker_id = s.claimed_by and p.fence = s.fence and p.says is null)
$$;

-- Leases that ran out. A worker that froze this often on one step is as good as dead, unless the
-- step only waited for its permit.
create function free_expired(
  p_limit int, p_poison_after int, p_since timestamptz default '-infinity'
) returns setof ring language plpgsql as $$
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

-- Workers that do not hold their lock.
create function unlocked_workers() returns setof workers language sql volatile as $$
  select * from workers
   where not exists (select from pg_locks l where l.locktype = 'advisory' and l.granted
                        and ((l.classid::bigint << 32) | l.objid::bigint) = workers.lock_key
                        and l.database = (select oid from pg_database
                                           where datname = current_database()))
$$;

-- Workers whose lock is gone. Of those that their host says are gone nothing can act any more: all
-- is freed at once, and its permits say what may follow. Of others only the connection may be
-- gone, and they come back for it: they have a second, and five where the locks of several hosts
-- vanished together or with the server. Then all is freed but what may still be acting and cannot
-- be repeated; whether it was a death is known when the worker has not come back within p_grace.
create function free_lost(p_grace interval, p_gone uuid[], p_poison_after int)
returns setof ring language plpgsql as $$
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

-- Ready steps nobody came for. Behind a queue that still has messages the young ones wait on, and
-- few of them are looked at: whoever ends a delivery there takes the oldest. Each lane for itself,
-- or one lane's hundred thousand would stand before a ring that was lost in another.
create function ring_again(
  p_limit int, p_busy_lanes text[], p_since timestamptz default '-infinity'
) returns setof ring language plpgsql
set enable_seqscan = off as $$
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

-- Deadlines are due rows like everything else, and so are jobs whose parent has ended,
-- those that another message of their session interrupts or the next run of their schedule replaces,
-- those that another job waits for without the money to go on, and those that are stuck with the turn
-- of their session. A job that somebody holds waits for the next sweep:
-- a transaction that locks many jobs may never wait for one.
create function pass_deadlines(p_limit int, p_since timestamptz default '-infinity')
returns setof ring language plpgsql as $$
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

-- What a keeper wants to know, in one statement: when each kind of work is due, if that is soon, and
-- what else is to be looked after.
create type seen as (
  at timestamptz, writing text[], passed bigint, ring_at timestamptz,
  lease_until timestamptz, timer_at timestamptz, batch_at timestamptz, session_at timestamptz,
  lost boolean, neighbours json, holds boolean, passed_for_holds bigint,
  breakers boolean, mcp_versions bigint[], mcp_due boolean
);

create function entries_passed() returns bigint language sql as $$
  select pg_stat_get_xact_tuples_returned('steps_ring_idx'::regclass)
       + pg_stat_get_xact_tuples_returned('steps_lease_idx'::regclass)
       + pg_stat_get_xact_tuples_returned('timers_due_at_idx'::regclass)
$$;

-- While an old snapshot is open, the index entries of finished work stay, and they stand in front of
-- what is due. So a look begins where the last one may have left something: at the first row that
-- it saw (`p_since`, one for each kind), or at the time since which a transaction has been open that
-- has ended meanwhile (`p_writers`, `p_writers_since`): no row is ever written as due long before the time
-- of writing. It ends soon after the present: there, too, finished work has left entries, of leases and
-- of deadlines. `p_holds`: say also whether the database believes that this worker holds steps.
create function look_around(
  p_since timestamptz[], p_writers text[], p_writers_since timestamptz[], p_worker uuid, p_host text,
  p_holds boolean
) returns seen language plpgsql stable
set enable_seqscan = off as $$
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
