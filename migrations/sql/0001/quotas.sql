-- Quotas: how many of a kind a tenant may have. What there is, is counted as it comes and goes, in the
-- row that also says how many there may be, so the count is exact however many come at once.

create function quota_by_default(p_kind text) returns bigint language sql immutable as $$
  select case p_kind
    when 'agents' then 1000
    when 'batches' then 1000
    when 'bytes' then 53687091200
    when 'knowledge_documents' then 100000
    when 'mcp_servers' then 50
    when 'memories' then 1000000
    when 'schedules' then 500
    when 'sessions' then 1000000
    when 'triggers' then 200
    when 'webhook_endpoints' then 50
  end::bigint
$$;

-- What was admitted must be able to begin, and what runs to end: there a commit counts and never
-- refuses. Whoever admits asks before (quota_is_reached).
create function only_count() returns void language sql as $$
  select set_config('agent_workers.only_counts', 'on', true)
$$;

-- Called when a transaction commits: the row of a quota is the last that it locks, and soon let go.
-- Who deletes may delete for many tenants: it waits for none, and leaves a note where it would. It runs
-- with our rights: whoever makes a schedule needs no right to say how many there may be.
create function count_for_quota() returns trigger language plpgsql security definer
set search_path = agent_workers, pg_temp as $$
declare v_kind text := tg_argv[0]; v_most bigint; v_used bigint;
begin
  if tg_argv[1] = 'go' then
    perform from quotas where tenant_id = old.tenant_id and kind = v_kind for update skip locked;
    if found then
      update quotas set used = used - 1
       where tenant_id = old.tenant_id and kind = v_kind and used > 0;
    else
      insert into quota_returns (tenant_id, kind) values (old.tenant_id, v_kind);
    end if;
    return null;
  end if;
  with returned as (
    delete from quota_returns where tenant_id = new.tenant_id and kind = v_kind returning 1)
  insert into quotas as q (tenant_id, kind, used) values (new.tenant_id, v_kind, 1)
  on conflict (tenant_id, kind)
     do update set used = greatest(q.used + 1 - (select count(*) from returned), 0)
  returning used, coalesce(most, quota_by_default(v_kind)) into v_used, v_most;
  if v_used > v_most and coalesce(current_setting('agent_workers.only_counts', true), '') <> 'on' then
    raise exception 'this tenant has reached its quota of %: %', replace(v_kind, '_', ' '),
      v_most using errcode = 'AW030';
  end if;
  return null;
end $$;

-- Is there no room for one more? Asked before something begins; it waits for nobody.
create function quota_is_reached(p_tenant text, p_kind text) returns boolean language sql stable as $$
  select coalesce((
    select used - (select count(*) from quota_returns where tenant_id = p_tenant and kind = p_kind)
           >= coalesce(most, quota_by_default(p_kind))
      from quotas where tenant_id = p_tenant and kind = p_kind), quota_by_default(p_kind) <= 0)
$$;

do $$
declare v_kind text;
begin
  foreach v_kind in array '{agents,knowledge_documents,memories,schedules,sessions,triggers,
                            webhook_endpoints}'::text[] loop
    execute format('create constraint trigger %1$s_come after insert on %1$s
                      deferrable initially deferred for each row
                      execute function count_for_quota(%1$L, ''come'')', v_kind);
    execute format('create constraint trigger %1$s_go after delete on %1$s
                      deferrable initially deferred for each row
                      execute function count_for_quota(%1$L, ''go'')', v_kind);
  end loop;
end $$;

-- Of batches, those that have not ended; of MCP servers, those that are not marked as removed.
create constraint trigger batches_come after insert on batches deferrable initially deferred
  for each row when (new.finished_at is null) execute function count_for_quota('batches', 'come');
create constraint trigger batches_end after update on batches deferrable initially deferred
  for each row when (old.finished_at is null and new.finished_at is not null)
  execute function count_for_quota('batches', 'go');
create constraint trigger batches_go after delete on batches deferrable initially deferred
  for each row when (old.finished_at is null) execute function count_for_quota('batches', 'go');
create constraint trigger mcp_servers_come after insert on mcp_servers deferrable initially deferred
  for each row when (new.state <> 'removed') execute function count_for_quota('mcp_servers', 'come');
create constraint trigger mcp_servers_back after update on mcp_servers deferrable initially deferred
  for each row when (old.state = 'removed' and new.state <> 'removed')
  execute function count_for_quota('mcp_servers', 'come');
create constraint trigger mcp_servers_go after update on mcp_servers deferrable initially deferred
  for each row when (old.state <> 'removed' and new.state = 'removed')
  execute function count_for_quota('mcp_servers', 'go');

revoke execute on function count_for_quota from public;
