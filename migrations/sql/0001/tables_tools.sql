-- The tools that workers have, and the places among the calls that a tool may have at once.

CREATE TABLE tools (
  name TEXT NOT NULL,
  definition JSONB NOT NULL,
  registered_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT tools_pkey PRIMARY KEY (name),
  CONSTRAINT tools_definition_check CHECK (jsonb_typeof(definition) = 'object'),
  CONSTRAINT tools_seen_check CHECK (seen_at >= registered_at)
);

CREATE TABLE tool_places (
  tool TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  position INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  worker_id UUID,
  registered BOOLEAN NOT NULL,
  taken_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  free_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT tool_places_pkey PRIMARY KEY (tool, tenant_id, job_id, position, fence),
  CONSTRAINT tool_places_free_check CHECK (free_at > taken_at)
);

CREATE INDEX waits_place_idx ON waits (key, tenant_id, created_at) WHERE kind = 'place' and answered_at is null;
