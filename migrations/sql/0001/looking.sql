-- Looking for what is due: where the due steps of each lane begin, and whether there are any.

-- While an old snapshot is open, the index entries of steps that were done since stay, and every
-- claim would pass all of them. So a session that has once passed many remembers from when on steps
-- are due in each lane, and begins there. What comes up before that place (a step that was freed, a
-- job with a priority) is rung for by name, or is seen at the next claim that begins at the beginning:
-- once a second, or as often as one percent of the time allows. Null: there is nothing to remember.
create function ready_since(p_lanes text[]) returns timestamptz[] language plpgsql stable as $$
declare v_kept text := current_setting('agent_workers.ready_since', true); v_since timestamptz[];
begin
  if coalesce(v_kept, '') = '' then return null; end if;
  v_since := v_kept::timestamptz[];
  -- The last one says until when the others hold.
  if clock_timestamp() >= v_since[5] then return null; end if;
  return array(select v_since[array_position('{plan,tool,effect,evaluate}', lane)]
                 from unnest(p_lanes) lane);
end $$;

create function ready_passed() returns bigint language sql as $$
  select pg_stat_get_xact_tuples_returned('steps_ready_idx'::regclass)
       + pg_stat_get_xact_tuples_returned('steps_turns_idx'::regclass)
$$;

-- Remember from when on steps are due, after a look that passed so many entries.
create function remember_ready(p_since timestamptz[], p_passed bigint) returns void
language plpgsql set enable_seqscan = off as $$
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

-- A step that was rung for by name and is not taken now: it must be found by whoever looks next.
create function look_back_for(p_tenant text, p_job uuid, p_position int) returns void
language plpgsql as $$
declare v_kept text := current_setting('agent_workers.ready_since', true);
begin
  if coalesce(v_kept, '') <> '' and exists (
    select from steps where tenant_id = p_tenant and job_id = p_job and position = p_position
       and coalesce(status, '') = 'ready'
       and due_at < (v_kept::timestamptz[])[array_position('{plan,tool,effect,evaluate}', lane)]) then
    perform set_config('agent_workers.ready_since', '', false);
  end if;
end $$;

create function is_more_due(p_lanes text[]) returns boolean language plpgsql
set enable_seqscan = off as $$
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
