-- Delivering: due rows are claimed with a lease, like steps; each attempt is recorded under its fence.

create type claimed_delivery as (
  tenant_id text, delivery_id uuid, fence int, tries int, endpoint_id uuid, url text,
  payload text, secret_version int, old_secret boolean, event_id uuid, event_type text,
  subject text, event_at timestamptz, data jsonb, detail bytea, output bytea, failing boolean
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
    update webhook_deliveries set status = 'failed', last_error = 'the event was forgotten',
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

-- What is due for one target, as far as its bound leaves room: one that fails gets one at a time,
-- so that it takes no places from those that answer.
create function claim_target(
  p_target uuid, p_fails boolean, p_limit int, p_each int, p_lease interval
) returns setof claimed_delivery language plpgsql as $$
declare
  d webhook_deliveries; c claimed_delivery; v_free int; v_now timestamptz := clock_timestamp();
begin
  -- Two claims of one target at the same time would both count the same free places.
  if not pg_try_advisory_xact_lock(hashtextextended('webhook ' || p_target, 0)) then return; end if;
  select case when p_fails then 1 else p_each end - count(*) into v_free
    from webhook_deliveries where target_id = p_target and status = 'sending';
  for d in select * from webhook_deliveries
            where target_id = p_target and status = 'pending' and due_at <= v_now
            order by due_at limit greatest(0, least(v_free, p_limit)) for update skip locked loop
    c := take_delivery(d, p_lease);
    c.failing := p_fails;
    if c.fence is not null then return next c; end if;
  end loop;
end $$;

-- Targets for which something is due behind those that answer: in the order in which it is due, then
-- from a place that differs each time, so that no long queue of one of them hides the rest for ever.
create function due_behind(p_from uuid, p_visits int) returns setof uuid language plpgsql
set enable_seqscan = off as $$
declare v_target uuid := p_from; v_now timestamptz := clock_timestamp(); v_due timestamptz;
begin
  return query select w.target_id from (
      select d.target_id, min(d.due_at) as due from (
        select target_id, due_at from webhook_deliveries
         where status = 'pending' and behind and due_at <= v_now order by due_at limit p_visits) d
       group by d.target_id) w order by w.due;
  for visit in 1..p_visits / 4 loop
    select target_id, due_at into v_target, v_due from webhook_deliveries
     where status = 'pending' and target_id > v_target order by target_id, due_at limit 1;
    exit when not found;
    if v_due <= v_now then return next v_target; end if;
  end loop;
end $$;

-- What may be claimed of a target: nothing while it is paused, or fails and p_failing others do.
create function claim_of(
  p_target uuid, p_fresh boolean, p_limit int, p_failing int, p_each int, p_lease interval
) returns setof claimed_delivery language plpgsql as $$
declare t webhook_targets; v_fails boolean;
begin
  select * into t from webhook_targets where target_id = p_target;
  v_fails := coalesce(t.failures > 0, false);
  if v_fails and p_fresh then perform put_behind(p_target); end if;
  if t.paused_until > clock_timestamp() then
    perform put_off(p_target, t.paused_until);
    return;
  end if;
  if v_fails and p_failing <= 0 then return; end if;
  return query select * from claim_target(p_target, v_fails, p_limit, p_each, p_lease);
end $$;

-- Go round the targets, from a place that differs each time, so that each has its turn. Those that
-- answer go first: their index holds no delivery of a target that fails, and none that waits for its
-- next attempt, however many there are. Of those that fail at most p_failing are claimed.
create function claim_deliveries(
  p_limit int, p_failing int, p_each int, p_lease interval, p_from uuid, p_visits int
) returns setof claimed_delivery language plpgsql
set enable_seqscan = off as $$
declare
  v_target uuid := p_from; v_wrapped boolean := false; v_got int := 0; c claimed_delivery;
  v_none uuid := '00000000-0000-0000-0000-000000000000'; v_failing int := 0;
begin
  perform free_deliveries(p_limit);
  for visit in 1..p_visits loop
    exit when v_got >= p_limit;
    select target_id into v_target from webhook_deliveries
     where status = 'pending' and not behind and target_id > v_target
     order by target_id, due_at limit 1;
    if not found then
      exit when v_wrapped;
      v_wrapped := true;
      v_target := v_none;
      continue;
    end if;
    exit when v_wrapped and v_target > p_from;
    for c in select * from claim_of(v_target, true, p_limit - v_got, p_failing - v_failing,
                                    p_each, p_lease) loop
      v_got := v_got + 1;
      v_failing := v_failing + c.failing::int;
      return next c;
    end loop;
  end loop;
  if v_got >= p_limit then return; end if;
  for v_target in select * from due_behind(p_from, p_visits) loop
    exit when v_got >= p_limit;
    for c in select * from claim_of(v_target, false, p_limit - v_got, p_failing - v_failing,
                                    p_each, p_lease) loop
      v_got := v_got + 1;
      v_failing := v_failing + c.failing::int;
      return next c;
    end loop;
  end loop;
end $$;

-- What waits for a target that fails stands behind what waits for those that answer. A long queue is
-- moved piece by piece, and nobody is waited for.
create function put_behind(p_target uuid) returns void language sql as $$
  update webhook_deliveries d set behind = true
    from (select tenant_id, delivery_id from webhook_deliveries
           where target_id = p_target and status = 'pending' and not behind
           order by due_at limit 1000 for update skip locked) w
   where d.tenant_id = w.tenant_id and d.delivery_id = w.delivery_id
$$;

-- What is due for a target that is paused is due after the pause, in the same order, so that it hides
-- nothing that can be delivered before.
create function put_off(p_target uuid, p_until timestamptz) returns void language sql as $$
  update webhook_deliveries d
     set due_at = p_until + interval '1 microsecond' * w.place
    from (select tenant_id, delivery_id, row_number() over (order by due_at) as place from (
            select tenant_id, delivery_id, due_at from webhook_deliveries
             where target_id = p_target and status = 'pending' and due_at < p_until
             order by due_at limit 1000 for update skip locked) l) w
   where d.tenant_id = w.tenant_id and d.delivery_id = w.delivery_id
$$;

-- A target that answers again gets soon what is due for it: it stands with the others again.
create function put_forward(p_target uuid) returns void language sql as $$
  update webhook_deliveries d set behind = false
    from (select tenant_id, delivery_id from webhook_deliveries
           where target_id = p_target and status = 'pending' and behind
             and due_at <= clock_timestamp()
           order by due_at limit 1000 for update skip locked) w
   where d.tenant_id = w.tenant_id and d.delivery_id = w.delivery_id
$$;

-- An endpoint is disabled, by whom or what, and never silently. What was on its way to it ends.
create function disable_endpoint(p_tenant text, p_endpoint uuid, p_reason text)
returns boolean language plpgsql as $$
declare e webhook_endpoints; v_now timestamptz := clock_timestamp();
begin
  update webhook_endpoints set status = 'disabled', disabled_reason = p_reason, disabled_at = v_now
   where tenant_id = p_tenant and endpoint_id = p_endpoint and status = 'enabled'
  returning * into e;
  if not found then return false; end if;
  update webhook_deliveries set status = 'failed', last_error = 'the endpoint was disabled',
                                finished_at = v_now
   where tenant_id = p_tenant and endpoint_id = p_endpoint and status = 'pending';
  perform announce_event(p_tenant, 'webhook_endpoint.disabled', 'we_' || replace(p_endpoint::text, '-', ''),
    jsonb_build_object('id', 'we_' || replace(p_endpoint::text, '-', ''),
                       'object', 'webhook_endpoint', 'url', e.url, 'reason', p_reason));
  return true;
end $$;

-- What the answers of a target say about it: failing since when, and left alone until when.
create function note_target(p_target uuid, p_succeeded boolean, p_pause_ms bigint)
returns webhook_targets language plpgsql as $$
declare t webhook_targets; v_now timestamptz := clock_timestamp();
begin
  if p_succeeded then
    delete from webhook_targets where target_id = p_target;
    if found then perform put_forward(p_target); end if;
    return null;
  end if;
  insert into webhook_targets as w (target_id, failing_since, failures, paused_until)
  values (p_target, v_now, 1, v_now + make_interval(secs => p_pause_ms / 1000.0))
  on conflict (target_id) do update
     set failures = w.failures + 1,
         paused_until = greatest(w.paused_until, excluded.paused_until)
  returning * into t;
  if t.failures = 1 then perform put_behind(p_target); end if;
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
  t := note_target(d.target_id, p_then = 'succeeded', p_pause_ms);
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
