-- What is said to a waiting job: events by name, first sent first taken, and answers of people.

-- Send a job an event, once for each sender's word: it answers the step that waits for it longest,
-- or is kept until one does. Nobody's job is locked.
create function send_message(
  p_tenant text, p_job uuid, p_sender text, p_name text, p_data bytea
) returns table (verdict text, number int, taken boolean, rings ring[]) language plpgsql as $$
#variable_conflict use_column
declare
  m messages; w waits; s steps; v_now timestamptz; v_ended timestamptz; v_rings ring[] := '{}';
  v_open int;
begin
  perform lock_mail(p_tenant, p_job);
  select * into m from messages where tenant_id = p_tenant and job_id = p_job and sender = p_sender;
  if found then
    return query select case when (m.name, m.data) = (p_name, p_data) then 'replayed' else 'reused' end,
                        m.number, m.taken_by is not null, v_rings;
    return;
  end if;
  select finished_at, open_steps into v_ended, v_open from jobs
   where tenant_id = p_tenant and job_id = p_job;
  if not found or v_ended is not null then
    return query select case when found then 'ended' else 'not_found' end, 0, false, v_rings;
    return;
  end if;
  v_now := clock_timestamp();
  -- A step that somebody holds finds no message that came too late: the next one will. Only open
  -- steps are looked at: of a job that waited ten thousand times, most waits are long over.
  for w in select waiting.* from open_steps(p_tenant, p_job, v_open) open,
                  lateral (select * from waits where tenant_id = p_tenant and job_id = p_job
                              and position = open.position limit 1) waiting
            where waiting.kind = 'event' and waiting.key = p_name and waiting.answered_at is null
            order by waiting.position loop
    select * into s from steps where tenant_id = p_tenant and job_id = p_job
       and position = w.position for update;
    exit when s.status in ('ready', 'paused');
    w.position := null;
  end loop;
  -- What nobody has waited for yet is kept, but not without end.
  if w.position is null then perform check_bytes(array[p_tenant]); end if;
  if w.position is null and exists (
    select from messages where tenant_id = p_tenant and job_id = p_job and taken_by is null
    having count(*) >= 1000 or sum(octet_length(data)) + octet_length(p_data) > 16777216) then
    return query select 'full', 0, false, v_rings;
    return;
  end if;
  insert into messages (tenant_id, job_id, number, name, data, sender, sent_at, taken_by)
  select p_tenant, p_job, coalesce(max(messages.number), 0) + 1, p_name, p_data, p_sender, v_now,
         w.position
    from messages where tenant_id = p_tenant and job_id = p_job
  returning * into m;
  if w.position is not null then
    v_rings := answer_wait(s, p_data);
  end if;
  return query select 'sent', m.number, m.taken_by is not null, v_rings;
end $$;

-- Answer the wait of a step that is locked by us and parked.
create function answer_wait(s steps, p_answer bytea) returns ring[] language plpgsql as $$
declare v_now timestamptz := clock_timestamp();
begin
  update waits set answer = p_answer, answered_at = v_now
   where tenant_id = s.tenant_id and job_id = s.job_id and position = s.position;
  update steps set due_at = v_now, ring_at = v_now + interval '1 second', rings = 0
   where tenant_id = s.tenant_id and job_id = s.job_id and position = s.position;
  return case when s.status = 'ready'
              then array[(s.tenant_id, s.job_id, s.position, s.kind, s.lane, true, 0)::ring]
              else '{}'::ring[] end;
end $$;

-- What a person answers to the questions of a job: all of it, or nothing.
create function answer_questions(
  p_tenant text, p_job uuid, p_keys text[], p_answers bytea[], p_by text
) returns setof ring language plpgsql as $$
declare j jobs; w waits; s steps; i int; v_choices jsonb;
begin
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job for no key update;
  if not found then raise exception 'there is no job job_%', replace(p_job::text, '-', '') using errcode = 'AWM01'; end if;
  for i in 1..cardinality(p_keys) loop
    select * into w from waits where tenant_id = p_tenant and job_id = p_job and kind = 'person'
       and key = p_keys[i] order by position desc limit 1;
    if not found then
      raise exception 'there is no question %', quote_literal(p_keys[i]) using errcode = 'AWM02';
    end if;
    if w.answer = p_answers[i] then continue; end if;
    if w.answer is not null then
      raise exception 'question % already has another answer', quote_literal(w.key)
        using errcode = 'AWM03';
    end if;
    select * into s from steps where tenant_id = p_tenant and job_id = p_job
       and position = w.position for update;
    if j.finished_at is not null then
      raise exception 'the job is % and no longer waits for an answer', j.status using errcode = 'AWM04';
    end if;
    if s.status not in ('ready', 'paused') or w.expires_at <= clock_timestamp() then
      raise exception 'question % was open until %', quote_literal(w.key),
        to_char(w.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') using errcode = 'AWM05';
    end if;
    v_choices := convert_from(w.prompt, 'UTF8')::jsonb -> 'choices';
    if jsonb_array_length(coalesce(v_choices, '[]')) > 0
       and not v_choices @> jsonb_build_array(convert_from(p_answers[i], 'UTF8')::jsonb) then
      raise exception 'the answer to % must be one of %', quote_literal(w.key), v_choices
        using errcode = 'AWM06', detail = w.key;
    end if;
    return query select * from unnest(answer_wait(s, p_answers[i]));
    update jobs set status = case when status = 'waiting' then 'running' else status end
     where tenant_id = p_tenant and job_id = p_job;
    perform note(p_tenant, p_job, 'answered', convert_to(json_build_object(
      'position', w.position, 'key', w.key, 'by', p_by)::text, 'UTF8'));
  end loop;
end $$;

-- What was answered stays answered; what was sent is taken once.
create trigger waits_answered before update on waits for each row
  when (old.answer is not null and old.kind not in ('breaker', 'place', 'worker')
        and (new.answer is distinct from old.answer or new.kind <> old.kind))
  execute function refuse('an answer is given once');
create trigger waits_child before update on waits for each row
  when (old.kind = 'child' and new.child_id is distinct from old.child_id)
  execute function refuse('a step starts one child, once');
create trigger waits_kept before delete on waits for each row
  execute function refuse('waits are kept as long as their job');
create trigger messages_sent before update on messages for each row
  when (new.number <> old.number or new.name <> old.name or new.data <> old.data
        or new.sender <> old.sender or old.taken_by is not null)
  execute function refuse('a message is taken once, and never changes');
create trigger messages_kept before delete on messages for each row
  execute function refuse('messages are kept as long as their job');
