-- Whose turn it is: deliveries are claimed tenant by tenant, and target by target of each.

-- How many more somebody may have of the places that are free, who holds so many already: as much as
-- leaves p_share free for each that is held. Whoever holds nothing may have one. So nobody takes the
-- last place from another, and who is alone leaves most of what there is to nobody.
create function room_of(p_held int, p_free int, p_share float8) returns int
language sql immutable as $$
  select least(p_free, greatest((p_held = 0)::int,
                                floor((p_free - p_share * p_held) / (1 + p_share))::int))
$$;

-- What is due for one target, as far as its bound leaves room: an unsure one gets one at a time, so
-- that it takes no places from those that answer.
create function claim_target(
  p_tenant text, p_target uuid, p_unsure boolean, p_limit int, p_each int, p_lease interval
) returns setof claimed_delivery language plpgsql as $$
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

-- What may be claimed of a target: nothing while it is paused, or is unsure and there is no room for it.
create function claim_of(
  p_tenant text, p_target uuid, p_fresh boolean, p_limit int, p_unsure int, p_each int,
  p_lease interval
) returns setof claimed_delivery language plpgsql as $$
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

-- A tenant's targets that answer, from a place that differs each time. Their index holds no delivery
-- of a target that is unsure, and none that waits for its next attempt, however many there are.
create function due_fresh(p_tenant text, p_from uuid, p_visits int) returns setof uuid
language plpgsql set enable_seqscan = off as $$
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

-- A tenant's targets for which something is due behind those that answer: in the order in which it is
-- due, then from a place that differs each time, so that no long queue of one of them hides the rest.
create function due_behind(p_tenant text, p_from uuid, p_visits int) returns setof uuid
language plpgsql set enable_seqscan = off as $$
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

-- What a tenant is given at its turn, of p_limit places and of p_unsure for targets that are unsure.
create function claim_of_tenant(
  p_tenant text, p_behind boolean, p_limit int, p_unsure int, p_each int, p_lease interval,
  p_from uuid, p_visits int
) returns setof claimed_delivery language plpgsql as $$
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

-- The next tenant in turn for which something may be due; null where there is none.
create function next_tenant(p_behind boolean, p_after text) returns text language plpgsql stable
set enable_seqscan = off as $$
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

-- Go round the tenants, beginning after p_after: first for what is due to targets that answer, then for
-- the rest. p_busy says what this deliverer holds of each tenant already, in all and for targets that
-- are unsure: a tenant has at most three places for each that stays free, and one of those that are for
-- unsure targets for each three that stay free.
create function claim_deliveries(
  p_limit int, p_unsure int, p_busy jsonb, p_each int, p_lease interval, p_after text, p_from uuid,
  p_visits int
) returns setof claimed_delivery language plpgsql as $$
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
