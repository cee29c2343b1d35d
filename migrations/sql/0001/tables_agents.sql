-- The versions of agents: each is kept for ever as it was made known.

CREATE TABLE agent_versions (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  declared BOOLEAN NOT NULL,
  digest TEXT NOT NULL,
  definition JSONB NOT NULL,
  source TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT agent_versions_pkey PRIMARY KEY (tenant_id, name, version),
  CONSTRAINT agent_versions_version_check CHECK (version <> ''),
  CONSTRAINT agent_versions_source_check CHECK (source in ('yaml', 'python'))
);

CREATE INDEX agent_versions_name_idx ON agent_versions (name);
