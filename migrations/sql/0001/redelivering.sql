-- Delivering again: one, what failed, what was missed, what never happened; and forgetting.

-- Deliver again under the same id; false when it is on its way already or has no way any more.
create function replay_delivery(p_tenant text, p_delivery uuid) returns text language plpgsql as $$
declare d webhook_deliveries; v_now timestamptz := clock_timestamp();
begin
  select * into d from webhook_deliveries
   where tenant_id = p_tenant and delivery_id = p_delivery for update;
  if not found then return 'not_found'; end if;
  if d.endpoint_id is not null and not exists (
       select from webhook_endpoints where tenant_id = p_tenant
          and endpoint_id = d.endpoint_id and status = 'enabled') then
    return 'disabled';
  end if;
  if d.status = 'sending' then return 'sending'; end if;
  update webhook_deliveries set status = 'pending', tries = 0, due_at = v_now, finished_at = null,
                                behind = false
   where tenant_id = p_tenant and delivery_id = p_delivery;
  return 'replayed';
end $$;

-- Deliver again all that failed in this span.
create function recover_deliveries(
  p_tenant text, p_endpoint uuid, p_since timestamptz, p_until timestamptz
) returns int language sql as $$
  with again as (
    update webhook_deliveries
       set status = 'pending', tries = 0, due_at = clock_timestamp(), finished_at = null,
           behind = false
     where tenant_id = p_tenant and endpoint_id = p_endpoint and status = 'failed'
       and created_at >= p_since and created_at < p_until returning 1)
  select count(*)::int from again
$$;

-- Deliver what was announced in this span and never was to be delivered here: the endpoint was
-- disabled, or did not exist yet.
create function deliver_missing(
  p_tenant text, p_endpoint uuid, p_since timestamptz, p_until timestamptz
) returns int language sql as $$
  with missing as (
    insert into webhook_deliveries (tenant_id, delivery_id, event_id, event_type, target_id,
                                    endpoint_id, job_id)
    select v.tenant_id, gen_random_uuid(), v.event_id, v.type, e.endpoint_id, e.endpoint_id,
           v.job_id
      from webhook_endpoints e
      join webhook_events v on v.tenant_id = e.tenant_id and wants_event(e.event_types, v.type)
     where e.tenant_id = p_tenant and e.endpoint_id = p_endpoint and e.status = 'enabled'
       and v.created_at >= p_since and v.created_at < p_until
       and not exists (select from webhook_deliveries d
                        where d.tenant_id = v.tenant_id and d.event_id = v.event_id
                          and d.endpoint_id = e.endpoint_id)
    on conflict do nothing returning 1)
  select count(*)::int from missing
$$;

-- Forget what was announced before this; deliveries that are still on their way keep their event.
create function forget_webhooks(p_before timestamptz, p_limit int) returns int
language plpgsql as $$
declare v webhook_events; n int := 0;
begin
  delete from webhook_targets t
   where coalesce(failing_since, answered_at) < p_before and not exists (
     select from webhook_deliveries d
      where d.tenant_id = t.tenant_id and d.target_id = t.target_id and d.status = 'pending');
  for v in select * from webhook_events o where o.created_at < p_before
              and not exists (select from webhook_deliveries d
                               where d.tenant_id = o.tenant_id and d.event_id = o.event_id
                                 and d.finished_at is null)
            limit p_limit for update skip locked loop
    delete from webhook_attempts a using webhook_deliveries d
     where d.tenant_id = v.tenant_id and d.event_id = v.event_id
       and a.tenant_id = d.tenant_id and a.delivery_id = d.delivery_id;
    delete from webhook_deliveries where tenant_id = v.tenant_id and event_id = v.event_id;
    delete from webhook_events where tenant_id = v.tenant_id and event_id = v.event_id;
    n := n + 1;
  end loop;
  return n;
end $$;

-- An event that did not happen, to one endpoint, so that its receiver can be tried out.
create function deliver_test(p_tenant text, p_endpoint uuid, p_type text) returns uuid
language plpgsql as $$
declare
  v_event uuid := gen_random_uuid(); v_delivery uuid := gen_random_uuid();
  v_job uuid := gen_random_uuid(); v_of_job boolean := p_type like 'job.%';
  v_name text := 'we_' || replace(p_endpoint::text, '-', '');
begin
  if not exists (select from webhook_endpoints where tenant_id = p_tenant
                    and endpoint_id = p_endpoint and status = 'enabled') then
    return null;
  end if;
  insert into webhook_events (tenant_id, event_id, type, subject, data)
  values (p_tenant, v_event, p_type, case when v_of_job then v_job::text else 'test' end,
          case when v_of_job
               then jsonb_build_object('agent', 'test', 'status', split_part(p_type, '.', 2),
                                       'metadata', jsonb_build_object('test', 'true'),
                                       'sequence', 1, 'parent_job_id', null)
               else jsonb_build_object('id', v_name, 'object', split_part(p_type, '.', 1), 'test', true,
                                       'url', '/v1/webhook_endpoints/' || v_name) end);
  insert into webhook_deliveries (tenant_id, delivery_id, event_id, event_type, target_id,
                                  endpoint_id)
  values (p_tenant, v_delivery, v_event, p_type, p_endpoint, p_endpoint);
  return v_delivery;
end $$;
