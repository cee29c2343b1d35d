-- Places among the calls that a tool may have at once, over all workers.

-- Take a place, or say that all are taken. Who takes one of a tool's places waits for whoever does
-- so at this moment, and holds no other lock. A place is free when its worker is known to be gone,
-- or when the longest call would be over.
create function take_tool_place(
  p_tool text, p_most int, p_tenant text, p_job uuid, p_position int, p_fence int, p_worker uuid,
  p_longest_ms bigint
) returns boolean language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(p_tool, 4712));
  delete from tool_places p where p.tool = p_tool and (p.free_at <= clock_timestamp()
    or p.registered and not exists (
      select from workers w where w.worker_id = p.worker_id
         -- It may only have lost its connection, and its calls go on.
         and (w.lost_at is null or w.lost_at > clock_timestamp() - interval '5 seconds')));
  -- Who takes one again has not heard that it was given one.
  if exists (select from tool_places p where p.tool = p_tool and p.tenant_id = p_tenant
             and p.job_id = p_job and p.position = p_position and p.fence = p_fence) then
    return true;
  end if;
  if (select count(*) from tool_places p where p.tool = p_tool) >= p_most then return false; end if;
  insert into tool_places (tool, tenant_id, job_id, position, fence, worker_id, registered, free_at)
  values (p_tool, p_tenant, p_job, p_position, p_fence, p_worker,
          exists (select from workers w where w.worker_id = p_worker), clock_timestamp() + make_interval(secs => p_longest_ms / 1000.0));
  return true;
end $$;

-- Leave a place, and wake whoever has waited for one the longest. Steps are never waited for: who
-- parks one holds its row and wants that of its wait. No place is kept for who is woken.
create function leave_tool_place(
  p_tool text, p_tenant text, p_job uuid, p_position int, p_fence int
) returns setof ring language plpgsql as $$
declare w record; v_now timestamptz := clock_timestamp();
begin
  delete from tool_places p where p.tool = p_tool and p.tenant_id = p_tenant and p.job_id = p_job
     and p.position = p_position and p.fence = p_fence;
  if not found then return; end if;
  for w in select waits.tenant_id, waits.job_id, waits.position, steps.kind, steps.lane,
                  steps.status
             from waits join steps using (tenant_id, job_id, position)
            where waits.kind = 'place' and waits.key = p_tool and waits.answered_at is null
            order by waits.created_at limit 100 for update of waits, steps skip locked loop
    -- What was canceled meanwhile waits for nothing any more.
    update waits set answer = '{}', answered_at = v_now
     where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position;
    continue when w.status not in ('ready', 'paused');
    update steps set due_at = v_now, ring_at = v_now + interval '1 second', rings = 0
     where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position;
    if w.status = 'ready' then
      return next (w.tenant_id, w.job_id, w.position, w.kind, w.lane, true, 0)::ring;
      return;
    end if;
  end loop;
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
