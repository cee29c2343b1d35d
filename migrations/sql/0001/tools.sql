-- Places among the calls that a tool may have at once, over all workers, shared fairly by tenants.
--
-- A place that comes free while calls wait is given to the tenant that holds the fewest, and kept for
-- it for a moment: its oldest waiting call is woken, and whichever call of that tenant comes first has
-- it. What is kept has no worker. It is free for all when the moment is over, but still counts among
-- its tenant's for a minute, if no call has come: who is woken in vain is not woken again at once.

-- Whoever takes or leaves one of a tool's places waits for whoever does so at this moment, and holds no
-- other lock. A place is free when its worker is known to be gone, or when the longest call would be over.
create function lock_tool_places(p_tool text) returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(p_tool, 4712));
  delete from tool_places p where p.tool = p_tool and (
    p.free_at <= clock_timestamp() - case when p.worker_id is null then interval '1 minute' else '0' end
    or p.registered and not exists (
      select from workers w where w.worker_id = p.worker_id
         -- It may only have lost its connection, and its calls go on.
         and (w.lost_at is null or w.lost_at > clock_timestamp() - interval '5 seconds')));
end $$;

create function has_free_place(p_tool text, p_most int) returns boolean language sql as $$
  select count(*) < p_most from tool_places where tool = p_tool and free_at > clock_timestamp()
$$;

create function places_of(p_tool text, p_tenant text) returns int language sql as $$
  select count(*) from tool_places where tool = p_tool and tenant_id = p_tenant
$$;

-- Of the tenants that wait for a place, but for p_past, the one that holds the fewest, and fewer than
-- p_fewer; of equals the first one after p_after, so that they take turns. One index descent for each
-- tenant that is passed: those that hold something, and are no more than there are places.
create function next_at_tool(p_tool text, p_after text, p_fewer int, p_past text[]) returns text
language plpgsql set enable_seqscan = off as $$
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

-- Wake the call of a tenant that has waited for a place the longest. Steps are never waited for: who
-- parks one holds its row and wants that of its wait.
create function wake_at_tool(p_tool text, p_tenant text) returns ring
language plpgsql set enable_seqscan = off as $$
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

-- Give the places that are free to tenants that wait and hold fewer than p_fewer. A place is kept for
-- longer than it takes until a doorbell that was lost is rung again.
create function give_tool_places(p_tool text, p_most int, p_after text, p_fewer int)
returns setof ring language plpgsql as $$
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

-- Take a place, or say that there is none for this tenant now.
create function take_tool_place(
  p_tool text, p_most int, p_tenant text, p_job uuid, p_position int, p_fence int, p_worker uuid,
  p_longest_ms bigint
) returns boolean language plpgsql as $$
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

-- Leave a place, and give it to whoever is next. No more are given than p_most: of a tool that may
-- have fewer calls than before, some are left to nobody.
create function leave_tool_place(
  p_tool text, p_most int, p_tenant text, p_job uuid, p_position int, p_fence int
) returns setof ring language plpgsql as $$
begin
  perform lock_tool_places(p_tool);
  delete from tool_places p where p.tool = p_tool and p.tenant_id = p_tenant and p.job_id = p_job
     and p.position = p_position and p.fence = p_fence;
  if not found then return; end if;
  return query select * from give_tool_places(p_tool, p_most, p_tenant, 2147483647);
end $$;

-- What a worker has that starts: the last one to start decides what a name means.
create function register_tools(p_tools jsonb) returns void language sql as $$
  insert into tools (name, definition)
  select t->>'name', t - 'name' from jsonb_array_elements(p_tools) t order by 1
  on conflict (name) do update set definition = excluded.definition,
    registered_at = case when tools.definition = excluded.definition
                         then tools.registered_at else excluded.registered_at end,
    seen_at = greatest(tools.registered_at, excluded.seen_at)
$$;
