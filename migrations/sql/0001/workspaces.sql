-- Writing and deleting files of a job: within the transaction that records the step which does so.

-- A workspace's totals are counted by the table itself; its CHECKs refuse what is too much.
create function count_workspace_file() returns trigger language plpgsql as $$
declare f workspace_files := coalesce(new, old);
begin
  if tg_op = 'UPDATE' and new.version <> old.version + 1 then
    raise exception 'workspace_files: every change of a file is its next version'
      using errcode = 'AW002';
  end if;
  update workspaces
     set files = files + case tg_op when 'INSERT' then 1 when 'DELETE' then -1 else 0 end,
         bytes = bytes + coalesce(new.bytes, 0) - coalesce(old.bytes, 0)
   where tenant_id = f.tenant_id and job_id = f.job_id;
  return null;
end $$;

create trigger workspace_files_counted after insert or update or delete on workspace_files
for each row execute function count_workspace_file();

-- A file is never whose it was not: an UPDATE of these would count it twice.
create function guard_workspace_file() returns trigger language plpgsql as $$
begin
  raise exception 'workspace_files: which file it is never changes' using errcode = 'AW002';
end $$;

create trigger workspace_files_guard before update of tenant_id, job_id, path on workspace_files
for each row execute function guard_workspace_file();

-- Refuse a file that somebody else changed meanwhile. `new`: there must be none yet.
create function expect_workspace_file(p_path text, p_etag text, p_expect text)
returns void language plpgsql as $$
begin
  if p_expect = 'new' and p_etag is not null then
    raise exception 'there is a file % already: its etag is %', p_path, p_etag
      using errcode = 'AW020';
  elsif p_expect not in ('', 'new') and p_etag is null then
    raise exception 'there is no file %', p_path using errcode = 'AW020';
  elsif p_expect not in ('', 'new') and p_etag <> p_expect then
    raise exception 'the file % has changed: its etag is %', p_path, p_etag
      using errcode = 'AW020';
  end if;
end $$;

create function write_workspace_file(p_tenant text, p_job uuid, p_position int, p_path text,
  p_content bytea, p_text boolean, p_append boolean, p_expect text, p_most bigint)
returns void language plpgsql as $$
declare w workspaces; f workspace_files; v_content bytea := p_content; v_inside text;
begin
  if not exists (select from jobs where tenant_id = p_tenant and job_id = p_job) then
    raise exception 'files belong to a job, and there is no such job' using errcode = 'AW020';
  end if;
  insert into workspaces (tenant_id, job_id) values (p_tenant, p_job) on conflict do nothing;
  -- Whoever writes into this workspace waits here for the one before.
  select * into w from workspaces where tenant_id = p_tenant and job_id = p_job for update;
  select * into f from workspace_files
   where tenant_id = p_tenant and job_id = p_job and path = p_path;
  perform expect_workspace_file(p_path, f.etag, p_expect);
  select path into v_inside from workspace_files
   where tenant_id = p_tenant and job_id = p_job
     and (starts_with(path, p_path || '/') or starts_with(p_path, path || '/')) limit 1;
  if found then
    raise exception 'a name cannot be a file and a folder: there is % already', v_inside
      using errcode = 'AW020';
  end if;
  if p_append and f.path is not null then v_content := f.content || p_content; end if;
  if octet_length(v_content) > 16777216 then
    raise exception 'the file % would be larger than 16 MiB', p_path using errcode = 'AW020';
  end if;
  if w.bytes - coalesce(f.bytes, 0) + octet_length(v_content) > p_most then
    raise exception 'the workspace is full: its files may have at most % bytes together', p_most
      using errcode = 'AW020';
  end if;
  if f.path is null and w.files >= 1000 then
    raise exception 'the workspace is full: it has 1000 files' using errcode = 'AW020';
  end if;
  insert into workspace_files as kept
    (tenant_id, job_id, path, content, bytes, etag, is_text, written_by)
  values (p_tenant, p_job, p_path, v_content, octet_length(v_content),
          left(encode(sha256(v_content), 'hex'), 32), p_text and (not p_append or coalesce(f.is_text, true)),
          p_position)
  on conflict (tenant_id, job_id, path) do update
     set content = excluded.content, bytes = excluded.bytes, etag = excluded.etag,
         is_text = excluded.is_text, written_by = excluded.written_by,
         version = kept.version + 1, updated_at = clock_timestamp();
end $$;

create function delete_workspace_file(p_tenant text, p_job uuid, p_path text, p_expect text)
returns void language plpgsql as $$
declare v_etag text;
begin
  perform from workspaces where tenant_id = p_tenant and job_id = p_job for update;
  select etag into v_etag from workspace_files
   where tenant_id = p_tenant and job_id = p_job and path = p_path;
  if v_etag is null then
    raise exception 'there is no file %', p_path using errcode = 'AW020';
  end if;
  perform expect_workspace_file(p_path, v_etag, p_expect);
  delete from workspace_files where tenant_id = p_tenant and job_id = p_job and path = p_path;
end $$;
