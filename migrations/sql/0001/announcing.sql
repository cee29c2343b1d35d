-- Announcing: the event and one delivery for each endpoint that wants it, in the transaction of what
-- happened. A tenant without endpoints pays one look into an index.

create function wants_event(p_wanted text[], p_type text) returns boolean
language sql immutable as $$
  select p_wanted && array['*', p_type, split_part(p_type, '.', 1) || '.*']
$$;

-- The places behind one origin (scheme, host, port) wait for each other, and for nobody else.
create function callback_target(p_tenant text, p_url text) returns uuid
language sql immutable as $$
  select md5(p_tenant || ' ' || coalesce(substring(p_url from '^[^:]*://[^/?#]*'), p_url))::uuid
$$;

-- Has this target never answered, or did the last attempt fail?
create function is_unsure(p_tenant text, p_target uuid) returns boolean language plpgsql stable as $$
begin
  return not exists (select from webhook_targets
                      where tenant_id = p_tenant and target_id = p_target and failures = 0);
end $$;

-- Endpoints that are disabled get no delivery, but the event is kept for them to ask for later.
create function write_event(
  p_tenant text, p_type text, p_subject text, p_job uuid, p_data jsonb, p_detail bytea,
  p_callback text
) returns uuid language plpgsql as $$
declare v_event uuid; v_now timestamptz := clock_timestamp();
begin
  if p_callback is null and not exists (
       select from webhook_endpoints
        where tenant_id = p_tenant and wants_event(event_types, p_type)) then
    return null;
  end if;
  v_event := gen_random_uuid();
  insert into webhook_events (tenant_id, event_id, type, subject, job_id, data, detail, created_at)
  values (p_tenant, v_event, p_type, p_subject, p_job, p_data, p_detail, v_now);
  insert into webhook_deliveries (tenant_id, delivery_id, event_id, event_type, target_id,
                                  endpoint_id, url, job_id, due_at, created_at, behind)
  select p_tenant, gen_random_uuid(), v_event, p_type, endpoint_id, endpoint_id, null, p_job,
         v_now, v_now, is_unsure(p_tenant, endpoint_id)
    from webhook_endpoints
   where tenant_id = p_tenant and status = 'enabled' and wants_event(event_types, p_type);
  if p_callback is not null then
    insert into webhook_deliveries (tenant_id, delivery_id, event_id, event_type, target_id,
                                    endpoint_id, url, job_id, due_at, created_at, behind)
    values (p_tenant, gen_random_uuid(), v_event, p_type, callback_target(p_tenant, p_callback),
            null, p_callback, p_job, v_now, v_now,
            is_unsure(p_tenant, callback_target(p_tenant, p_callback)));
  end if;
  return v_event;
end $$;

create function has_endpoints(p_tenant text) returns boolean language plpgsql stable as $$
begin
  return exists (select from webhook_endpoints where tenant_id = p_tenant);
end $$;

-- The job as it is in this very transaction. p_detail is JSON of others: kept, never parsed here.
create function announce_job(j jobs, p_type text, p_detail bytea, p_callback text)
returns void language plpgsql as $$
begin
  perform write_event(
    j.tenant_id, p_type, j.job_id::text, j.job_id,
    jsonb_build_object('agent', j.agent, 'status', j.status, 'metadata', j.metadata,
                       'sequence', j.journal_number, 'parent_job_id', j.parent_id,
                       'degraded', j.degraded),
    p_detail, p_callback);
end $$;

-- Something happened to a job whose row is locked by us.
create function announce(p_tenant text, p_job uuid, p_type text, p_data bytea)
returns void language plpgsql as $$
declare j jobs;
begin
  if not has_endpoints(p_tenant) then return; end if;
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job;
  perform announce_job(j, p_type, p_data, null);
end $$;

-- Something happened that is not of one job.
create function announce_event(p_tenant text, p_type text, p_subject text, p_data jsonb)
returns void language plpgsql as $$
begin
  if not has_endpoints(p_tenant) then return; end if;
  perform write_event(p_tenant, p_type, p_subject, null, p_data, null, null);
end $$;

-- A job has ended: its own callback is told once, whoever else wants to know as well.
create function announce_end(j jobs) returns void language plpgsql as $$
begin
  perform announce_job(j, 'job.' || j.status, j.error, j.callback_url);
end $$;
