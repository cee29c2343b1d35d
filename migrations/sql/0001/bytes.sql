-- The bytes that a tenant keeps, counted a little later: whoever writes adds a row and locks none that
-- others need. Of jobs the entries of their journal say it.

insert into bytes_counted (xact) values (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1);

-- Refuse what these tenants ask for, if one of them keeps as much as it may.
create function check_bytes(p_tenants text[]) returns void language plpgsql as $$
declare q quotas;
begin
  select * into q from quotas
   where tenant_id = any (p_tenants) and kind = 'bytes'
     and used >= coalesce(most, quota_by_default('bytes')) limit 1;
  if found and coalesce(current_setting('agent_workers.only_counts', true), '') <> 'on' then
    raise exception 'this tenant has reached its storage quota: %',
      replace(replace(pg_size_pretty(coalesce(q.most, quota_by_default('bytes'))), 'k', 'K'), 'B', 'iB')
      using errcode = 'AW031', detail = q.tenant_id;
  end if;
end $$;

-- For statements that add or delete rows; with the argument `asked` they are refused beyond the quota. A
-- row counts as it is sent, the same however it was compressed. It runs with our rights, as all that
-- counts.
create function note_bytes() returns trigger language plpgsql security definer
set search_path = agent_workers, pg_temp as $$
begin
  if tg_op = 'DELETE' then
    insert into bytes_changes (tenant_id, bytes)
    select tenant_id, -sum(octet_length(record_send(gone))) from gone group by tenant_id;
  else
    insert into bytes_changes (tenant_id, bytes)
    select tenant_id, sum(octet_length(record_send(come))) from come group by tenant_id;
    if tg_argv[0] = 'asked' then
      perform check_bytes(array(select distinct tenant_id from come));
    end if;
  end if;
  return null;
end $$;

-- For rows that say in `bytes` how much there is of something.
create function note_bytes_said() returns trigger language plpgsql security definer
set search_path = agent_workers, pg_temp as $$
begin
  insert into bytes_changes (tenant_id, bytes)
  values (old.tenant_id, case tg_op when 'DELETE' then 0 else new.bytes end - old.bytes);
  return null;
end $$;

do $$
declare v_table text; v_asked text;
begin
  for v_table, v_asked in values
    ('agent_versions', ''), ('batch_items', 'asked'), ('dead_letters', ''),
    ('knowledge_chunks', ''), ('knowledge_documents', 'asked'), ('memories', 'asked'),
    ('messages', ''), ('session_messages', '') loop
    execute format('create trigger %1$s_bytes_come after insert on %1$s
                      referencing new table as come for each statement
                      execute function note_bytes(%2$L)', v_table, v_asked);
    execute format('create trigger %1$s_bytes_go after delete on %1$s
                      referencing old table as gone for each statement
                      execute function note_bytes()', v_table);
  end loop;
end $$;

create trigger jobs_bytes_go after delete on jobs for each row execute function note_bytes_said();
create trigger workspaces_bytes after update of bytes on workspaces for each row
  when (new.bytes <> old.bytes) execute function note_bytes_said();
create trigger workspaces_bytes_go after delete on workspaces for each row
  execute function note_bytes_said();

-- Count what has been written since it was last counted, at most so many rows; says whether there is
-- more. Below the horizon each transaction is decided (as in relay_batch), so nothing is missed and
-- nothing counted twice. Whoever comes while another counts, or soon after, leaves at once.
create function count_bytes(p_most int, p_pause interval) returns boolean
language plpgsql security definer
set search_path = agent_workers, pg_temp set enable_seqscan = off as $$
declare
  v_from bigint; v_to bigint; v_rows int;
  v_horizon bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
begin
  select xact into v_from from bytes_counted where at <= clock_timestamp() - p_pause
     for update skip locked;
  if not found then return false; end if;
  if v_from >= v_horizon then
    -- Restored into a younger server: what another one wrote becomes older than all of ours, as when a
    -- relay is repositioned. It has been counted.
    with others as (
      select tenant_id, job_id, number from journal
       where xact >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint limit p_most)
    update journal j set xact = xact - (2::numeric ^ 62)::bigint from others o
     where j.tenant_id = o.tenant_id and (j.job_id, j.number) = (o.job_id, o.number);
    get diagnostics v_rows = row_count;
    if v_rows = 0 then
      delete from bytes_changes;
      update bytes_counted set xact = v_horizon - 1;
    end if;
    return true;
  end if;
  select max(xact), count(*) into v_to, v_rows from (
    select xact from (
      (select xact from journal where xact > v_from and xact < v_horizon order by xact limit p_most)
      union all
      (select xact from bytes_changes where xact > v_from and xact < v_horizon
        order by xact limit p_most)) w (xact)
     order by xact limit p_most) w;
  if v_rows < p_most then v_to := v_horizon - 1; end if;
  with changed as (
    select tenant_id, sum(bytes)::bigint as bytes from (
      select tenant_id, bytes from journal where xact > v_from and xact <= v_to
      union all
      select tenant_id, bytes from bytes_changes where xact > v_from and xact <= v_to) c
     group by tenant_id
  ), known as (
    update quotas q set used = greatest(0, q.used + c.bytes) from changed c
     where q.tenant_id = c.tenant_id and q.kind = 'bytes' returning q.tenant_id
  )
  insert into quotas as q (tenant_id, kind, used)
  select tenant_id, 'bytes', greatest(0, bytes) from changed
   where tenant_id not in (select tenant_id from known)
  on conflict (tenant_id, kind) do update set used = q.used + excluded.used;
  delete from bytes_changes where xact > v_from and xact <= v_to;
  update bytes_counted set xact = v_to,
                           at = case when v_rows < p_most then clock_timestamp() else at end;
  return v_rows >= p_most;
end $$;

revoke execute on function note_bytes, note_bytes_said from public;
