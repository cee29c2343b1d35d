-- What may never be said of an MCP tool: that something was approved which nobody could have seen.

-- Workers compare the sums of all versions: each change of a row makes them look again.
create function mcp_counted() returns trigger language plpgsql as $$
begin
  new.version := old.version + 1;
  return new;
end $$;

create trigger mcp_servers_counted before update on mcp_servers for each row
  when (old is distinct from new) execute function mcp_counted();
create trigger mcp_tools_counted before update on mcp_tools for each row
  when (old is distinct from new) execute function mcp_counted();

create trigger mcp_tools_approved_when_new before insert on mcp_tools for each row
  when (new.approved is not null)
  execute function refuse('a tool is approved after it was seen, by somebody');
create trigger mcp_tools_approved_as_seen before update on mcp_tools for each row
  when (new.approved_hash is distinct from old.approved_hash and new.approved_hash is not null
        and new.approved_hash is distinct from new.seen_hash)
  execute function refuse('only what was seen last can be approved');
create trigger mcp_tools_kept before delete on mcp_tools for each row
  execute function refuse('tools of servers are kept: jobs may name them');
create trigger mcp_servers_kept before delete on mcp_servers for each row
  execute function refuse('servers are kept: mark them as removed');

-- Another program under the same name is another server: nothing of it was approved.
create function mcp_forget() returns trigger language plpgsql as $$
begin
  update mcp_tools
     set approved = null, approved_hash = null, approved_at = null, approved_by = '',
         seen = null, seen_hash = null, seen_at = null, hints = '{}', effect = 'unsafe',
         key_ttl_s = null, key_argument = '', errors_are_final = false, enabled = true
   where tenant_id = new.tenant_id and server = new.name;
  return null;
end $$;

create trigger mcp_servers_changed after update on mcp_servers for each row
  when (old.command <> new.command or old.url <> new.url
        or (old.state = 'removed' and new.state <> 'removed'))
  execute function mcp_forget();
