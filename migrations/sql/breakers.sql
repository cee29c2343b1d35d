-- Waking what waits for a breaker. Who is woken asks the breaker again, and parks again if need be.

-- Of a closed breaker more steps go on with every second; of an open one a single step is woken,
-- to probe it. Once a second at most, whichever process comes first. Steps are never waited for:
-- who parks one holds its row and wants that of its wait.
create function wake_breaker(p_name text) returns setof ring language plpgsql as $$
declare b breakers; w record; i int := 0; v_most int; v_due timestamptz;
        v_now timestamptz := clock_timestamp();
begin
  update breakers set woken_at = v_now
   where name = p_name and (woken_at is null or woken_at <= v_now - interval '1 second')
  returning * into b;
  if not found then return; end if;
  v_most := case when b.state = 'closed'
                 then least(1000, 50 * 2 ^ least(5, extract(epoch from v_now - b.changed_at)))
                 else 1 end;
  for w in select waits.tenant_id, waits.job_id, waits.position, steps.kind, steps.lane,
                  steps.status
             from waits join steps using (tenant_id, job_id, position)
            where waits.kind = 'breaker' and waits.key = p_name and waits.answered_at is null
            order by waits.expires_at limit greatest(v_most, 100)
              for update of waits, steps skip locked loop
    exit when i >= v_most;
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
end $$;
