-- Keeping batches: whatever those who end jobs leave to do, found by whoever looks first.

-- Fill the places that are free. Budgets that somebody holds are asked for at the next look: who
-- has locked a batch may not wait for a budget.
create function fill_batch(b batches) returns uuid[] language plpgsql as $$
declare v_free int; v_all int; v_locked int;
begin
  select b.concurrency - count(*) into v_free from batch_items
   where tenant_id = b.tenant_id and batch_id = b.batch_id and status = 'running';
  if v_free <= 0 then return '{}'; end if;
  if not b.costs then
    return admit_items(b.tenant_id, b.batch_id, 0, least(v_free, 1000));
  end if;
  select count(*) into v_all from budgets where tenant_id = b.tenant_id;
  perform 1 from budgets where tenant_id = b.tenant_id for update skip locked;
  get diagnostics v_locked = row_count;
  if v_locked < v_all or left_in_budgets(b.tenant_id) < 1 then return '{}'; end if;
  -- Not one by one: a transaction of more than 64 subtransactions slows every snapshot down.
  return admit_items(b.tenant_id, b.batch_id, 0, least(v_free, 100));
end $$;

-- Cancel the live jobs of a batch, but for those that somebody holds just now.
create function stop_jobs_of(b batches, p_limit int) returns void language plpgsql as $$
declare t record;
begin
  for t in select found.job
             from (select job_id from batch_items
                    where tenant_id = b.tenant_id and batch_id = b.batch_id and status = 'running'
                   offset 0) i,
                  lateral (select jobs as job from jobs
                            where tenant_id = b.tenant_id and job_id = i.job_id
                              and status <> 'canceling'
                              for no key update skip locked) found
            limit p_limit loop
    continue when not may_end(t.job);
    perform stop_job(b.tenant_id, (t.job).job_id, 'canceled', null,
                     coalesce(b.reason, 'its batch was stopped'), false);
  end loop;
end $$;

-- Look at one batch; returns the rings for the jobs that were admitted.
create function keep_batch(b batches) returns setof ring language plpgsql
set enable_seqscan = off as $$
declare v_now timestamptz := clock_timestamp(); v_jobs uuid[]; v_more boolean := false;
        v_numbers int[];
begin
  if b.deadline_at <= v_now and b.status in ('open', 'running') then
    b.status := 'stopping'; b.stop_as := 'expired'; b.reason := 'the deadline of its batch has passed';
  elsif b.status = 'running' and b.on_error = 'stop'
        and has_items(b.tenant_id, b.batch_id, 'failed') then
    b.status := 'stopping'; b.stop_as := 'failed'; b.reason := 'a job of the batch failed';
  end if;
  if b.status = 'running' then
    v_jobs := fill_batch(b);
    return query select b.tenant_id, id, 0, 'plan', 'plan', false, 0 from unnest(v_jobs) id limit 32;
  elsif b.status = 'stopping' then
    v_numbers := array(
      select number from batch_items
       where tenant_id = b.tenant_id and batch_id = b.batch_id and status = 'pending'
       order by number limit 2000 for update skip locked);
    update batch_items set status = 'canceled', input = ''
     where tenant_id = b.tenant_id and batch_id = b.batch_id and number = any (v_numbers);
    v_more := found;
    if b.stop_as <> 'failed' then perform stop_jobs_of(b, 200); end if;
  end if;
  update batches set status = b.status, stop_as = b.stop_as, reason = b.reason,
         look_at = case when v_more then v_now
                        when b.status = 'open' then coalesce(b.deadline_at, 'infinity')
                        else least(v_now + interval '1 second',
                                   case when b.costs then v_now + interval '300 ms' end,
                                   case when b.status = 'running' then b.deadline_at end) end
   where tenant_id = b.tenant_id and batch_id = b.batch_id and finished_at is null;
  perform finish_batch(b);
end $$;

-- Look at the batches whose time has come, or at one.
create function keep_batches(p_limit int, p_since timestamptz default '-infinity')
returns setof ring language plpgsql as $$
declare b batches;
begin
  for b in select * from batches where finished_at is null and look_at <= clock_timestamp()
              and look_at >= p_since
            order by look_at limit p_limit for no key update skip locked loop
    return query select * from keep_batch(b);
  end loop;
end $$;

create function keep_this_batch(p_tenant text, p_batch uuid) returns setof ring
language plpgsql as $$
declare b batches;
begin
  select * into b from batches where tenant_id = p_tenant and batch_id = p_batch
     and finished_at is null for no key update skip locked;
  if found then return query select * from keep_batch(b); end if;
end $$;
