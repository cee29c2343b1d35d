-- Delivering: due rows are claimed with a lease, like steps; each attempt is recorded under its fence.

create type claimed_delivery as (
  tenant_id text, delivery_id uuid, fence int, tries int, endpoint_id uuid, url text,
  payload text, secret_version int, old_secret boolean, event_id uuid, event_type text,
  subject text, event_at timestamptz, data jsonb, detail bytea, output bytea, unsure boolean
);

-- An attempt whose worker never came back: it counts for nothing, and the next one begins at once.
create function free_deliveries(p_limit int) returns int language plpgsql as $$
declare d webhook_deliveries; n int := 0; v_now timestamptz := clock_timestamp();
begin
  for d in select * from webhook_deliveries where status = 'sending' and lease_until < v_now
            limit p_limit for update skip locked loop
    insert into webhook_attempts (tenant_id, delivery_id, number, at, duration_ms, error)
    values (d.tenant_id, d.delivery_id, d.fence, v_now, 0, 'its worker was lost')
    on conflict do nothing;
    update webhook_deliveries set status = 'pending', lease_until = null, due_at = v_now
     where tenant_id = d.tenant_id and delivery_id = d.delivery_id;
    n := n + 1;
  end loop;
  return n;
end $$;

-- Claim one delivery that is locked by us; null when its endpoint wants it no more.
create function take_delivery(d webhook_deliveries, p_lease interval)
returns claimed_delivery language plpgsql as $$
declare
  e webhook_endpoints; v webhook_events; p project_secrets; c claimed_delivery;
  v_now timestamptz := clock_timestamp();
begin
  if d.endpoint_id is not null then
    select * into e from webhook_endpoints
     where tenant_id = d.tenant_id and endpoint_id = d.endpoint_id and status = 'enabled';
    if not found then
      update webhook_deliveries set status = 'failed', last_error = 'the endpoint is disabled',
                                    finished_at = v_now
       where tenant_id = d.tenant_id and delivery_id = d.delivery_id;
      return null;
    end if;
  else
    select * into p from project_secrets where tenant_id = d.tenant_id;
    e.url := d.url; e.payload := 'thin'; e.secret_version := coalesce(p.secret_version, 1);
    e.old_secret_until := p.old_secret_until;
  end if;
  select * into v from webhook_events where tenant_id = d.tenant_id and event_id = d.event_id;
  if not found then
    update webhook_deliveries set status = 'failed', last_error = 'the event is no longer kept',
                                  finished_at = v_now
     where tenant_id = d.tenant_id and delivery_id = d.delivery_id;
    return null;
  end if;
  update webhook_deliveries set status = 'sending', fence = fence + 1, lease_until = v_now + p_lease
   where tenant_id = d.tenant_id and delivery_id = d.delivery_id returning * into d;
  c := (d.tenant_id, d.delivery_id, d.fence, d.tries, d.endpoint_id, e.url, e.payload,
        e.secret_version, coalesce(e.old_secret_until > v_now, false), d.event_id, v.type,
        v.subject, v.created_at, v.data, v.detail, null, false);
  if e.payload = 'full' and v.type = 'job.succeeded' then
    select output into c.output from jobs where tenant_id = d.tenant_id and job_id = d.job_id;
  end if;
  return c;
end $$;

-- What waits for a target that is unsure stands behind what waits for those that answer. A long queue is
-- moved piece by piece, and nobody is waited for.
create function put_behind(p_tenant text, p_target uuid) returns void language sql as $$
  update webhook_deliveries d set behind = true
    from (select tenant_id, delivery_id from webhook_deliveries
           where tenant_id = p_tenant and target_id = p_target and status = 'pending' and not behind
           order by due_at limit 1000 for update skip locked) w
   where d.tenant_id = w.tenant_id and d.delivery_id = w.delivery_id
$$;

-- What is due for a target that is paused is due after the pause, in the same order, so that it hides
-- nothing that can be delivered before.
create function put_off(p_tenant text, p_target uuid, p_until timestamptz) returns void language sql as $$
  update webhook_deliveries d
     set due_at = p_until + interval '1 microsecond' * w.place
    from (select tenant_id, delivery_id, row_number() over (order by due_at) as place from (
            select tenant_id, delivery_id, due_at from webhook_deliveries
             where tenant_id = p_tenant and target_id = p_target and status = 'pending' and due_at < p_until
             order by due_at limit 1000 for update skip locked) l) w
   where d.tenant_id = w.tenant_id and d.delivery_id = w.delivery_id
$$;

-- A target that answers again gets soon what is due for it: it stands with the others again.
create function put_forward(p_tenant text, p_target uuid) returns void language sql as $$
  update webhook_deliveries d set behind = false
    from (select tenant_id, delivery_id from webhook_deliveries
           where tenant_id = p_tenant and target_id = p_target and status = 'pending' and behind
             and due_at <= clock_timestamp()
           order by due_at limit 1000 for update skip locked) w
   where d.tenant_id = w.tenant_id and d.delivery_id = w.delivery_id
$$;

-- An endpoint is disabled, by whom or what, and never silently. What was on its way to it ends.
create function disable_endpoint(p_tenant text, p_endpoint uuid, p_reason text)
returns boolean language plpgsql as $$
declare v_now timestamptz := clock_timestamp();
begin
  update webhook_endpoints set status = 'disabled', disabled_reason = p_reason, disabled_at = v_now
   where tenant_id = p_tenant and endpoint_id = p_endpoint and status = 'enabled';
  if not found then return false; end if;
  update webhook_deliveries set status = 'failed', last_error = 'the endpoint was disabled',
                                finished_at = v_now
   where tenant_id = p_tenant and endpoint_id = p_endpoint and status = 'pending';
  perform announce_event(p_tenant, 'webhook_endpoint.disabled', 'we_' || replace(p_endpoint::text, '-', ''),
    jsonb_build_object('id', 'we_' || replace(p_endpoint::text, '-', ''),
                       'object', 'webhook_endpoint', 'reason', p_reason));
  return true;
end $$;

-- What the answers of a target say about it: that it answers, or is failing since when, and left alone
-- until when. Of one that goes on answering it is written once a day.
create function note_target(
  p_tenant text, p_target uuid, p_succeeded boolean, p_pause_ms bigint
) returns webhook_targets language plpgsql as $$
declare t webhook_targets; v_now timestamptz := clock_timestamp();
begin
  if p_succeeded then
    insert into webhook_targets as w (tenant_id, target_id, answered_at)
    values (p_tenant, p_target, v_now)
    on conflict (tenant_id, target_id) do update
       set failures = 0, failing_since = null, paused_until = null, answered_at = v_now
     where w.failures > 0 or w.answered_at < v_now - interval '1 day';
    if found then perform put_forward(p_tenant, p_target); end if;
    return null;
  end if;
  insert into webhook_targets as w (tenant_id, target_id, failing_since, failures, paused_until)
  values (p_tenant, p_target, v_now, 1, v_now + make_interval(secs => p_pause_ms / 1000.0))
  on conflict (tenant_id, target_id) do update
     set failures = w.failures + 1, failing_since = coalesce(w.failing_since, v_now),
         paused_until = greatest(w.paused_until, excluded.paused_until)
  returning * into t;
  if t.failures = 1 then perform put_behind(p_tenant, p_target); end if;
  return t;
end $$;

-- p_then: succeeded, pending (again after p_delay_ms) or failed. Evidence that comes after the lease
-- still counts as long as nobody has begun another attempt.
create function record_attempt(
  p_tenant text, p_delivery uuid, p_fence int, p_duration_ms int, p_status_code int,
  p_error text, p_response text, p_then text, p_delay_ms bigint, p_pause_ms bigint,
  p_disable text, p_patience interval
) returns text language plpgsql as $$
declare
  d webhook_deliveries; t webhook_targets; v_now timestamptz := clock_timestamp();
begin
  insert into webhook_attempts (tenant_id, delivery_id, number, at, duration_ms, status_code,
                                error, response)
  values (p_tenant, p_delivery, p_fence, v_now - make_interval(secs => p_duration_ms / 1000.0),
          p_duration_ms, p_status_code, p_error, p_response)
  on conflict (tenant_id, delivery_id, number) do update
     set at = excluded.at, duration_ms = excluded.duration_ms, error = excluded.error,
         status_code = excluded.status_code, response = excluded.response;
  update webhook_deliveries
     set status = p_then, lease_until = null, tries = tries + 1, last_error = p_error,
         last_status_code = p_status_code,
         due_at = v_now + make_interval(secs => p_delay_ms / 1000.0),
         behind = p_then = 'pending',
         finished_at = case when p_then <> 'pending' then v_now end
   where tenant_id = p_tenant and delivery_id = p_delivery and fence = p_fence
     and status in ('sending', 'pending')
  returning * into d;
  if not found then
    if p_disable is null then return 'fenced'; end if;
    select * into d from webhook_deliveries where tenant_id = p_tenant and delivery_id = p_delivery;
    if not found then return 'fenced'; end if;
  end if;
  t := note_target(p_tenant, d.target_id, p_then = 'succeeded', p_pause_ms);
  if d.endpoint_id is null then return 'recorded'; end if;
  if p_disable is null and p_then <> 'succeeded' and t.failures > 1
     and t.failing_since < v_now - p_patience then
    p_disable := 'no delivery has succeeded since ' || to_char(t.failing_since at time zone 'UTC',
                                                               'YYYY-MM-DD"T"HH24:MI:SS"Z"');
  end if;
  if p_disable is not null and disable_endpoint(p_tenant, d.endpoint_id, p_disable) then
    return 'disabled';
  end if;
  return 'recorded';
end $$;
