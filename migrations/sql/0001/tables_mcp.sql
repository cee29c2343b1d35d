-- MCP servers, and their tools: as they were last seen, and as an operator approved them.

CREATE TABLE mcp_servers (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  command TEXT[] DEFAULT '{}' NOT NULL,
  env JSONB DEFAULT '{}' NOT NULL,
  url TEXT DEFAULT '' NOT NULL,
  headers JSONB DEFAULT '{}' NOT NULL,
  reads TEXT[] DEFAULT '{}' NOT NULL,
  network BOOLEAN DEFAULT false NOT NULL,
  state TEXT DEFAULT 'enabled' NOT NULL,
  version BIGINT DEFAULT 1 NOT NULL,
  created_by TEXT DEFAULT '' NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  refresh_due_at TIMESTAMP WITH TIME ZONE,
  refreshed_at TIMESTAMP WITH TIME ZONE,
  error TEXT DEFAULT '' NOT NULL,
  CONSTRAINT mcp_servers_pkey PRIMARY KEY (tenant_id, name),
  CONSTRAINT mcp_servers_name_check CHECK (name ~ '^[a-z][a-z0-9_-]{0,23}$'),
  CONSTRAINT mcp_servers_state_check CHECK (state in ('enabled', 'disabled', 'removed')),
  CONSTRAINT mcp_servers_place_check CHECK ((command = '{}') <> (url = '')),
  CONSTRAINT mcp_servers_env_check CHECK (jsonb_typeof(env) = 'object' and (command <> '{}' or env = '{}' and reads = '{}' and not network)),
  CONSTRAINT mcp_servers_headers_check CHECK (jsonb_typeof(headers) = 'object' and (url <> '' or headers = '{}'))
);

CREATE INDEX mcp_servers_refresh_due_at_idx ON mcp_servers (refresh_due_at) WHERE refresh_due_at is not null;

CREATE TABLE mcp_tools (
  tenant_id TEXT NOT NULL,
  server TEXT NOT NULL,
  name TEXT NOT NULL,
  seen TEXT,
  seen_hash TEXT,
  seen_at TIMESTAMP WITH TIME ZONE,
  hints JSONB DEFAULT '{}' NOT NULL,
  approved TEXT,
  approved_hash TEXT,
  approved_at TIMESTAMP WITH TIME ZONE,
  approved_by TEXT DEFAULT '' NOT NULL,
  effect TEXT DEFAULT 'unsafe' NOT NULL,
  timeout_ms INTEGER DEFAULT 30000 NOT NULL,
  key_ttl_s INTEGER,
  key_argument TEXT DEFAULT '' NOT NULL,
  errors_are_final BOOLEAN DEFAULT false NOT NULL,
  enabled BOOLEAN DEFAULT true NOT NULL,
  version BIGINT DEFAULT 1 NOT NULL,
  CONSTRAINT mcp_tools_pkey PRIMARY KEY (tenant_id, server, name),
  CONSTRAINT mcp_tools_tenant_id_server_fkey FOREIGN KEY(tenant_id, server) REFERENCES mcp_servers (tenant_id, name),
  CONSTRAINT mcp_tools_seen_check CHECK ((seen is null) = (seen_hash is null) and octet_length(seen) <= 65536),
  CONSTRAINT mcp_tools_seen_hash_check CHECK (seen_hash = encode(sha256(convert_to(seen, 'UTF8')), 'hex')),
  CONSTRAINT mcp_tools_approved_check CHECK ((approved is null) = (approved_hash is null) and (approved is null) = (approved_at is null)),
  CONSTRAINT mcp_tools_approved_hash_check CHECK (approved_hash = encode(sha256(convert_to(approved, 'UTF8')), 'hex')),
  CONSTRAINT mcp_tools_effect_check CHECK (effect in ('pure', 'keyed', 'unsafe')),
  CONSTRAINT mcp_tools_keyed_check CHECK ((effect = 'keyed') = (key_ttl_s is not null) and (effect = 'keyed') = (key_argument <> '')),
  CONSTRAINT mcp_tools_timeout_check CHECK (timeout_ms between 100 and 3600000)
);
