-- Waking what waits for a breaker. Who is woken asks the breaker again, and parks again if need be.

-- Whose steps wait, each tenant once: those first that did not make the last probe.
create function tenants_at_breaker(b breakers) returns setof text language sql as $$
  with recursive waiting (tenant_id) as (
    (select tenant_id from waits where kind = 'breaker' and answered_at is null and key = b.name
      order by tenant_id limit 1)
    union all
    select next.tenant_id from waiting, lateral (
      select w.tenant_id from waits w where kind = 'breaker' and answered_at is null
         and key = b.name and w.tenant_id > waiting.tenant_id order by w.tenant_id limit 1) next)
  select w.tenant_id from waiting w
   -- Who is barred by a breaker of its own has no use for being woken; and while that of all is closed,
   -- one that has changed since lets its tenant's steps go on by itself.
   where not exists (
     select from breakers own where own.name = b.name and own.tenant_id = w.tenant_id
        and case when b.state = 'closed'
                 then own.state <> 'closed' or own.changed_at > coalesce(b.changed_at, '-infinity')
                 else own.state <> 'closed' and (own.by_hand or own.until > clock_timestamp()) end)
   order by w.tenant_id = b.probed_for, random()
$$;

-- Of a closed breaker more steps go on with every second, of each tenant as many; of an open one a
-- single step is woken, to probe it. Once a second at most, whichever process comes first. Steps are
-- never waited for: who parks one holds its row and wants that of its wait.
create function wake_breaker(p_name text, p_tenant text) returns setof ring language plpgsql as $$
declare b breakers; w record; i int := 0; v_most int; v_of int; v_due timestamptz;
        v_tenant text; v_tenants text[] := array[p_tenant]; v_now timestamptz := clock_timestamp();
begin
  update breakers set woken_at = v_now
   where name = p_name and tenant_id = p_tenant
     and (woken_at is null or woken_at <= v_now - interval '1 second')
  returning * into b;
  if not found then return; end if;
  v_most := case when b.state = 'closed'
                 then least(1000, 50 * 2 ^ least(5, extract(epoch from v_now - b.changed_at)))
                 else 1 end;
  if p_tenant = '*' then v_tenants := array(select tenants_at_breaker(b)); end if;
  foreach v_tenant in array v_tenants loop
    v_of := least(v_most, i + ceil(v_most::real / cardinality(v_tenants)));
    for w in select waits.tenant_id, waits.job_id, waits.position, steps.kind, steps.lane,
                    steps.status
               from waits join steps using (tenant_id, job_id, position)
              where waits.kind = 'breaker' and waits.key = p_name and waits.tenant_id = v_tenant
                and waits.answered_at is null
              order by waits.expires_at limit greatest(v_of - i, 100)
                for update of waits, steps skip locked loop
      exit when i >= v_of;
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
    exit when i >= v_most;
  end loop;
end $$;
