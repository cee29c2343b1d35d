-- Turns: where steps of several tenants wait, claims go round the tenants, whatever each has queued.
--
-- Each session keeps, for the lanes that it was asked for, a short list of the tenants that wait there:
-- until when the list holds, the place where the next look begins, and the turns. With fewer than two
-- turns the oldest step comes first, whosever it is.

-- The tenants after this place that have due steps in these lanes: one index descent for each, so the
-- more it passed (tenants whose steps are for later, entries of finished steps), the longer it holds.
create function look_for_turns(p_lanes text[], p_after text) returns text[] language plpgsql
set enable_seqscan = off set enable_sort = off set plan_cache_mode = force_generic_plan as $$
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

create function turns_setting(p_lanes text[]) returns text language sql stable as $$
  select 'agent_workers.turns_' || array_to_string(p_lanes, '_')
$$;

-- The list of this session, looked for again when it no longer holds.
create function turns_in(p_lanes text[]) returns text[] language plpgsql as $$
declare v_kept text[] := nullif(current_setting(turns_setting(p_lanes), true), '')::text[];
begin
  if v_kept is null or clock_timestamp() >= v_kept[1]::timestamptz then
    v_kept := look_for_turns(p_lanes, coalesce(v_kept[2], ''));
    perform set_config(turns_setting(p_lanes), v_kept::text, false);
  end if;
  return v_kept;
end $$;

-- The tenant whose turn it is in these lanes, which has had it then; or null. Who is barred has none.
create function take_turn(p_lanes text[], p_barred text[] default '{}')
returns text language plpgsql as $$
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

-- Does anybody else wait in these lanes?
create function others_wait(p_tenant text, p_lanes text[]) returns boolean language plpgsql as $$
begin
  return p_tenant <> any ((turns_in(p_lanes))[3:]);
end $$;
