-- What a jump of the clock, a crash or a promotion of the server must not shorten.

-- The clock may have jumped since `p_since`: whatever was granted for a time then, and may still
-- be used, has that time again from now on. How many rows somebody else held, and so are left.
create function extend_grants(p_since timestamptz) returns int language plpgsql as $$
declare v_now timestamptz := clock_timestamp(); v_left int; v_done int;
begin
  -- Locks are only tried: who holds a permit's row may be waiting for a job that our caller holds.
  select count(*) into v_left from open_permits(p_since);
  with mine as (
    select p.tenant_id, p.effect_key, p.attempt from permits p
      join open_permits(p_since) o using (tenant_id, effect_key, attempt)
       for no key update of p skip locked)
  update permits p
     set quiet_time = coalesce(quiet_time, quiet_after - granted_at),
         quiet_after = greatest(quiet_after,
                                v_now + coalesce(quiet_time, quiet_after - granted_at))
    from mine where p.tenant_id = mine.tenant_id and p.effect_key = mine.effect_key
                and p.attempt = mine.attempt;
  get diagnostics v_done = row_count;
  -- A lease that nobody outlived is no death.
  update steps set lease_until = greatest(steps.lease_until,
                                          v_now + make_interval(secs => steps.timeout_ms / 500.0))
    from (select tenant_id, job_id, position from steps
           where status = 'claimed' and lease_until > p_since for update skip locked) mine
   where steps.tenant_id = mine.tenant_id and steps.job_id = mine.job_id
     and steps.position = mine.position;
  return v_left - v_done;
end $$;

-- The permits that were not quiet yet at a moment, and may have been used.
create function open_permits(p_since timestamptz)
returns table (tenant_id text, effect_key uuid, attempt int) language sql volatile as $$
  select p.tenant_id, p.effect_key, p.attempt from permits p join effects e using (tenant_id, effect_key)
   where (p.says is null or p.says = 'unknown') and e.state in ('intended', 'in_doubt')
     and p.quiet_after > p_since
$$;

-- Since when the server is what it is. The row does not outlive a crash or a promotion, and the
-- clock may be another one then; whoever finds it gone puts it back.
create function server_since() returns timestamptz language plpgsql as $$
declare v_since timestamptz;
begin
  select since into v_since from incarnations;
  if not found then
    insert into incarnations default values on conflict do nothing;
    if found then perform extend_grants('-infinity'); end if;
    select since into v_since from incarnations;
  end if;
  return greatest(v_since, pg_postmaster_start_time());
end $$;

-- Before an open permit is believed to be quiet: make up for a jump of the clock since `p_since`
-- (null where there was none), and for a server that is another one than before. The caller
-- holds the row of the effect.
create function vouch_quiet(p_tenant text, p_key uuid, p_since timestamptz) returns void
language plpgsql as $$
begin
  perform server_since();
  update permits
     set quiet_time = coalesce(quiet_time, quiet_after - granted_at),
         quiet_after = greatest(quiet_after,
                                clock_timestamp() + coalesce(quiet_time, quiet_after - granted_at))
   where tenant_id = p_tenant and effect_key = p_key and (says is null or says = 'unknown')
     and quiet_after > p_since;
end $$;
