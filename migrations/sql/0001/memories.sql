-- Remembering within the transaction that records the step, and taking back what a job taught.

-- Vectors are kept as real[], so that no table needs pgvector; searching does. Whoever migrates may
-- not be allowed to install it: then `doctor` says what to do.
do $$ begin
  if exists (select from pg_available_extensions where name = 'vector') then
    create extension if not exists vector;
  end if;
exception when insufficient_privilege or undefined_file then
  raise notice 'pgvector is available, but this role may not install it: run `create extension vector` as a superuser';
end $$;

create trigger memories_kept before update on memories for each row
  when ((new.tenant_id, new.memory_id, new.user_id, new.subject, new.content, new.content_hash,
         new.confidence, new.job_id, new.position, new.created_at)
        is distinct from
        (old.tenant_id, old.memory_id, old.user_id, old.subject, old.content, old.content_hash,
         old.confidence, old.job_id, old.position, old.created_at))
  execute function refuse('what was remembered never changes: it is superseded');

-- One at a time in a namespace. Nothing else is locked by whoever holds this.
create function lock_memories(p_tenant text, p_user text) returns void language sql as $$
  select pg_advisory_xact_lock(hashtextextended(p_tenant || E'\x1f' || p_user, 4711))
$$;

-- What a new memory would replace: what it says that it corrects, the same words that were to be
-- forgotten sooner, and what of the same subject means nearly the same by the same model. Vectors hardly see numbers, so those have to be the same.
create function replaced_memories(m memories, p_corrects uuid, p_near float8) returns uuid[]
language sql stable as $$
  select coalesce(array_agg(o.memory_id order by o.memory_id), '{}') from memories o
   where o.tenant_id = m.tenant_id and o.user_id = m.user_id and o.superseded_by is null
     and (o.expires_at is null or o.expires_at > clock_timestamp())
     and (o.memory_id = p_corrects
          or o.content_hash = m.content_hash
          or o.subject = m.subject and o.subject <> '' and o.model = m.model
             and regexp_replace(o.content, '[^0-9]+', ' ', 'g')
                 = regexp_replace(m.content, '[^0-9]+', ' ', 'g')
             and cardinality(o.embedding) = cardinality(m.embedding)
             and (select sum(a::float8 * b)
                    from unnest(o.embedding, m.embedding) as v (a, b)) >= p_near)
$$;

-- Remember, unless others taught something between the tool's look and now: then the whole step is
-- undone (a serialization failure), and its next attempt looks again.
create function remember(p jsonb, p_replaces uuid[], p_near float8) returns void
language plpgsql as $$
declare m memories := jsonb_populate_record(null::memories, p);
        v_now timestamptz := clock_timestamp();
        v_same uuid;
begin
  perform lock_memories(m.tenant_id, m.user_id);
  delete from memories where tenant_id = m.tenant_id and user_id = m.user_id
     and content_hash = m.content_hash and superseded_by is null and expires_at <= v_now;
  if p_replaces <> replaced_memories(m, (p ->> 'corrects')::uuid, p_near) then
    raise exception 'a related memory was written meanwhile' using errcode = '40001';
  end if;
  -- Of what counts each says something else: who replaces its own words counts only once they do not.
  select memory_id into v_same from memories where tenant_id = m.tenant_id and user_id = m.user_id
     and content_hash = m.content_hash and superseded_by is null;
  insert into memories (tenant_id, memory_id, user_id, subject, content, content_hash, confidence,
                        model, embedding, job_id, position, created_at, expires_at,
                        superseded_by, superseded_at)
  values (m.tenant_id, m.memory_id, m.user_id, m.subject, m.content, m.content_hash, m.confidence,
          m.model, m.embedding, m.job_id, m.position, v_now,
          v_now + (p ->> 'days')::int * interval '1 day',
          v_same, case when v_same is not null then v_now end);
  update memories set superseded_by = m.memory_id, superseded_at = v_now
   where tenant_id = m.tenant_id and user_id = m.user_id and memory_id = any (p_replaces);
  if v_same is not null then
    update memories set superseded_by = null, superseded_at = null
     where tenant_id = m.tenant_id and memory_id = m.memory_id;
  end if;
end $$;

-- Take a memory out of its line: what it had replaced counts again, or goes to what replaced it.
create function unlearn_memory(m memories, p_jobs uuid[]) returns int language plpgsql as $$
declare o memories; v_heir uuid; v_restored int := 0;
begin
  if m.superseded_by is null then
    -- What comes back may say the same, and of what counts each says something else: so this one,
    -- which goes at the end, stops counting first.
    update memories set superseded_at = clock_timestamp(), superseded_by = (
             select max(r.memory_id::text)::uuid from memories r where r.tenant_id = m.tenant_id
                and r.user_id = m.user_id and r.superseded_by = m.memory_id)
     where tenant_id = m.tenant_id and memory_id = m.memory_id
       and exists (select from memories r where r.tenant_id = m.tenant_id
                      and r.user_id = m.user_id and r.superseded_by = m.memory_id);
  end if;
  for o in select * from memories
            where tenant_id = m.tenant_id and user_id = m.user_id and superseded_by = m.memory_id
            order by created_at desc, memory_id desc loop
    v_heir := m.superseded_by;
    if v_heir is null then
      -- The same words may have been taught again: then those count.
      select memory_id into v_heir from memories
       where tenant_id = o.tenant_id and user_id = o.user_id and content_hash = o.content_hash
         and superseded_by is null and memory_id <> m.memory_id;
    end if;
    update memories set superseded_by = v_heir,
                        superseded_at = case when v_heir is not null then superseded_at end
     where tenant_id = o.tenant_id and memory_id = o.memory_id;
    v_restored := v_restored + (v_heir is null and o.job_id <> all (p_jobs))::int;
  end loop;
  delete from memories where tenant_id = m.tenant_id and memory_id = m.memory_id;
  return v_restored;
end $$;

-- Remove what jobs taught, the newest first, and let count again what that had replaced.
create function unlearn_jobs(p_tenant text, p_jobs uuid[], out removed int, out restored int)
language plpgsql as $$
declare m memories; v_id uuid;
begin
  removed := 0; restored := 0;
  perform lock_memories(p_tenant, u.user_id) from (
    select distinct user_id from memories where tenant_id = p_tenant and job_id = any (p_jobs)
     order by user_id) u;
  for v_id in select memory_id from memories where tenant_id = p_tenant and job_id = any (p_jobs)
               order by created_at desc, memory_id desc loop
    select * into m from memories where tenant_id = p_tenant and memory_id = v_id;
    continue when not found;
    restored := restored + unlearn_memory(m, p_jobs);
    removed := removed + 1;
  end loop;
end $$;

-- A job, and those of the jobs that worked for it, directly or not, which taught anything.
create function taught_for(p_tenant text, p_job uuid) returns uuid[] language sql stable as $$
  with recursive above (taught, job_id, parent_id) as (
    select j.job_id, j.job_id, j.parent_id from jobs j
     where j.tenant_id = p_tenant and j.parent_id is not null and j.job_id in (
       select m.job_id from memories m where m.tenant_id = p_tenant)
     union
    select a.taught, j.job_id, j.parent_id from above a
      join jobs j on j.tenant_id = p_tenant and j.job_id = a.parent_id)
  select array_agg(distinct job order by job) from (
    select p_job union select taught from above where parent_id = p_job) t (job)
$$;

create function unlearn_purged() returns trigger language plpgsql as $$
begin
  perform unlearn_jobs(old.tenant_id, array[old.job_id]);
  return old;
end $$;

create trigger jobs_unlearned before delete on jobs for each row execute function unlearn_purged();

-- Delete what is past its time, a few at a time; what those had replaced goes with them.
create function forget_expired_memories(p_most int) returns int language plpgsql as $$
declare v_gone int;
begin
  delete from memories m using (
    select tenant_id, memory_id from memories where expires_at <= clock_timestamp()
     order by expires_at limit p_most for update skip locked) e
   where m.tenant_id = e.tenant_id and m.memory_id = e.memory_id;
  get diagnostics v_gone = row_count;
  return v_gone;
end $$;
