-- Journal entries, and the end of a job: shared by every way in which a job can end.

-- Where in a request's way an entry belongs (admit, execute, respond), and which part says it. What
-- an entry says of that itself stands.
create function staged(p_type text, p_data bytea) returns bytea language sql immutable as $$
  select case
    when position('"stage"'::bytea in p_data) > 0 then p_data
    else case
           when p_type in ('succeeded', 'failed', 'canceled')
             then '{"stage":"respond","component":"answer"'::bytea
           when p_type in ('paused', 'resumed', 'canceling', 'released', 'answered')
             then '{"stage":"execute","component":"control"'::bytea
           else '{"stage":"execute","component":"recovery"'::bytea
         end || case when p_data = '{}'::bytea then '}'::bytea
                     else ','::bytea || substring(p_data from 2) end
  end
$$;

create function write_journal(
  p_tenant text, p_job uuid, p_number int, p_type text, p_data bytea, p_bytes int default 0
) returns void language plpgsql as $$
begin
  insert into journal (tenant_id, job_id, number, type, data, bytes)
  values (p_tenant, p_job, p_number, p_type, staged(p_type, p_data), p_bytes);
end $$;

-- Add one entry to the journal of a job whose row is locked by us; with it the job keeps its bytes and
-- `p_more`.
create function note(
  p_tenant text, p_job uuid, p_type text, p_data bytea, p_more int default 0
) returns int language plpgsql as $$
declare v_number int; v_bytes int := octet_length(p_data) + p_more;
begin
  update jobs set journal_number = journal_number + 1, bytes = bytes + v_bytes
   where tenant_id = p_tenant and job_id = p_job returning journal_number into v_number;
  perform write_journal(p_tenant, p_job, v_number, p_type, p_data, v_bytes);
  return v_number;
end $$;

-- What a job reserved and did not spend goes back to the budgets it came from, in id order.
create function settle_reservations(p_tenant text, p_job uuid, p_spent bigint)
returns void language plpgsql as $$
declare r reservations;
begin
  for r in select * from reservations
            where tenant_id = p_tenant and job_id = p_job and settled_at is null
            order by budget_id loop
    update budgets set reserved_micro = reserved_micro - r.amount_micro,
                       spent_micro = spent_micro + p_spent,
                       overrun_micro = overrun_micro + greatest(0, p_spent - r.amount_micro)
     where tenant_id = p_tenant and budget_id = r.budget_id;
    update reservations set settled_at = clock_timestamp(), spent_micro = p_spent
     where tenant_id = p_tenant and budget_id = r.budget_id and job_id = p_job;
  end loop;
end $$;

-- Lock the budgets that a job's end will settle, or say that somebody holds one of them: who has
-- locked many jobs may not wait for a budget.
create function lock_budgets(j jobs) returns boolean language plpgsql as $$
declare v_settles int; v_locked int;
begin
  if j.allowance_micro = 0 then return true; end if;
  select count(*) into v_settles from reservations
   where tenant_id = j.tenant_id and job_id = j.job_id and settled_at is null;
  perform 1 from budgets join reservations r using (tenant_id, budget_id)
    where r.tenant_id = j.tenant_id and r.job_id = j.job_id and r.settled_at is null
      for update of budgets skip locked;
  get diagnostics v_locked = row_count;
  return v_locked = v_settles;
end $$;

-- Lock what the end of a job needs besides its row, or say that somebody holds some of it.
create function may_end(j jobs) returns boolean language plpgsql as $$
begin
  return lock_budgets(j) and lock_parent(j)
         and (j.session_id = '' or try_session(j.tenant_id, j.session_id));
end $$;

-- What follows from the end of a job, in the transaction that ends it: j is the row as it ended.
create function job_ended(j jobs) returns void language plpgsql as $$
begin
  -- Asked here and not in there: every job comes by, and most tenants have no endpoint.
  if j.callback_url is not null
     or exists (select from webhook_endpoints where tenant_id = j.tenant_id) then
    perform announce_end(j);
  end if;
  -- Before the batch: its next item may want the turn of another session, and must not wait then.
  if j.session_id <> '' then perform leave_session(j); end if;
  if j.batch_id is not null then perform batch_job_ended(j); end if;
  if j.depth > 0 then perform child_ended(j); end if;
end $$;

-- End a job whose row is locked by us: open steps are canceled, what it held is booked as spent.
create function end_job(p_tenant text, p_job uuid, p_status text, p_error bytea, p_data bytea)
returns void language plpgsql as $$
declare j jobs;
begin
  update steps set status = 'canceled', lease_until = null
   where tenant_id = p_tenant and job_id = p_job
     and status in ('ready', 'claimed', 'paused', 'in_doubt', 'quarantined');
  update jobs set status = p_status, error = p_error, finished_at = clock_timestamp(),
                  open_steps = 0, spent_micro = spent_micro + held_micro, held_micro = 0,
                  journal_number = journal_number + 1
   where tenant_id = p_tenant and job_id = p_job returning * into j;
  perform write_journal(p_tenant, p_job, j.journal_number, p_status, p_data);
  perform leave_children(p_tenant, p_job);
  delete from timers where tenant_id = p_tenant and job_id = p_job;
  if j.allowance_micro > 0 then
    perform settle_reservations(p_tenant, p_job, j.spent_micro);
  end if;
  perform job_ended(j);
end $$;

-- A claimed step leaves an orderly way: the job's status says which.
-- Why a job failed that reached one of its limits. The sentence for its user is also that of
-- `domain/recovery_rows.py`, for what Python finds; a test compares the two.
create function limit_reached(p_code text, p_message text) returns bytea
language sql immutable as $$
  select convert_to(format(
    '{"code":"%s","message":%s,"retryable":false,"cause":null,"user_message":"%s"}', p_code,
    to_json(p_message), 'This took more work, time or money than it was allowed to.'), 'UTF8')
$$;

create function stand_down(p_tenant text, p_job uuid, p_position int, p_fence int)
returns text language plpgsql as $$
declare j jobs; v_after text; v_held bigint;
begin
  perform commit_durably();
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  v_after := case when j.status = 'canceling' and settles(p_tenant, p_job, p_position) then 'ready'
                  when j.status = 'canceling' then 'canceled'
                  when j.pause_requested then 'paused' else 'ready' end;
  update steps set status = v_after, lease_until = null, ring_at = clock_timestamp()
   where tenant_id = p_tenant and job_id = p_job and position = p_position
     and fence = p_fence and coalesce(status, '') = 'claimed'
   returning hold_micro + called_micro into v_held;
  if not found then return 'fenced'; end if;
  if v_after = 'canceled' then
    perform doubt_open(p_tenant, p_job, p_position,
                       'The job was canceled while an attempt had no answer; nobody knows whether it took effect');
  end if;
  update jobs set held_micro = greatest(0, held_micro - v_held),
                  open_steps = open_steps - case when v_after = 'canceled' then 1 else 0 end
   where tenant_id = p_tenant and job_id = p_job;
  if v_after = 'canceled' and j.open_steps = 1 then
    perform end_stopped(j);
  end if;
  return v_after;
end $$;

-- A job that was being stopped has nothing left that may act: it ends as it was told to.
create function end_stopped(j jobs) returns void language sql as $$
  select end_job(j.tenant_id, j.job_id,
                 case when j.stop_error is null then 'canceled' else 'failed' end, j.stop_error,
                 coalesce(j.stop_error,
                          convert_to(json_build_object('reason', j.cancel_reason)::text, 'UTF8')))
$$;
