-- Keeping the versions of agents: none ever changes.

create trigger agent_versions_never_change before update or delete on agent_versions
  for each row execute function refuse('a version of an agent never changes');

-- Keep a version, once, and say under which name it goes. A tenant may use its own agents and
-- everybody's ('*'), and a job remembers no more than name and version: one such pair never means
-- two things to a tenant. One at a time by name, so that counting leaves no gap and no double.
create function keep_agent_version(
  p_tenant text, p_name text, p_declared text, p_digest text, p_definition jsonb, p_source text,
  p_by text, out version text, out is_new boolean
) language plpgsql as $$
#variable_conflict use_column
declare v_number bigint;
begin
  perform pg_advisory_xact_lock(hashtextextended('agent ' || p_name, 0));
  is_new := false;
  if p_declared <> '' then
    if exists (select from agent_versions v where v.name = p_name and v.version = p_declared
                  and (p_tenant = '*' or v.tenant_id in (p_tenant, '*'))
                  and v.digest <> p_digest) then
      raise exception 'version % of agent % already exists with another definition',
        quote_literal(p_declared), quote_literal(p_name) using errcode = 'AW010';
    end if;
    version := p_declared;
  else
    -- The current one, where several say the same.
    select v.version into version from agent_versions v
      left join agents a on a.tenant_id = v.tenant_id and a.name = v.name and a.version = v.version
     where v.tenant_id = p_tenant and v.name = p_name and v.digest = p_digest
     order by a.version is null, v.created_at desc limit 1;
    if found then return; end if;
    select coalesce(max(v.version::bigint), 0) + 1 into v_number from agent_versions v
     where v.name = p_name and v.version ~ '^[0-9]{1,9}$'
       and (p_tenant = '*' or v.tenant_id in (p_tenant, '*'));
    version := v_number::text;
  end if;
  insert into agent_versions (tenant_id, name, version, declared, digest, definition, source,
                              created_by)
  values (p_tenant, p_name, version, p_declared <> '', p_digest, p_definition, p_source, p_by)
  on conflict do nothing;
  is_new := found;
end $$;
