-- What agents were told to remember: of which user, by which step of which job, and what replaced it.

CREATE TABLE memories (
  tenant_id TEXT NOT NULL,
  memory_id UUID NOT NULL,
  user_id TEXT DEFAULT '' NOT NULL,
  subject TEXT DEFAULT '' NOT NULL,
  content TEXT NOT NULL,
  content_hash BYTEA NOT NULL,
  confidence REAL NOT NULL,
  model TEXT NOT NULL,
  embedding REAL[] NOT NULL,
  job_id UUID NOT NULL,
  position INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE,
  superseded_by UUID,
  superseded_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT memories_pkey PRIMARY KEY (tenant_id, memory_id),
  CONSTRAINT memories_namespace_key UNIQUE (tenant_id, user_id, memory_id),
  CONSTRAINT memories_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES jobs (tenant_id, job_id) ON DELETE CASCADE,
  CONSTRAINT memories_tenant_id_user_id_superseded_by_fkey FOREIGN KEY(tenant_id, user_id, superseded_by) REFERENCES memories (tenant_id, user_id, memory_id) ON DELETE CASCADE,
  CONSTRAINT memories_content_check CHECK (content <> '' and octet_length(content) <= 8192 and octet_length(subject) <= 512),
  CONSTRAINT memories_content_hash_check CHECK (octet_length(content_hash) = 32),
  CONSTRAINT memories_confidence_check CHECK (confidence > 0 and confidence <= 1),
  CONSTRAINT memories_embedding_check CHECK (model <> '' and cardinality(embedding) between 1 and 16000),
  CONSTRAINT memories_superseded_check CHECK ((superseded_by is null) = (superseded_at is null) and superseded_by <> memory_id)
);

CREATE UNIQUE INDEX memories_known_idx ON memories (tenant_id, user_id, content_hash) WHERE superseded_by is null;

CREATE INDEX memories_model_idx ON memories (tenant_id, user_id, model) WHERE superseded_by is null;

CREATE INDEX memories_tenant_id_job_id_idx ON memories (tenant_id, job_id);

CREATE INDEX memories_tenant_id_user_id_created_at_idx ON memories (tenant_id, user_id, created_at);

CREATE INDEX memories_superseded_idx ON memories (tenant_id, user_id, superseded_by) WHERE superseded_by is not null;

CREATE INDEX memories_expires_idx ON memories (expires_at) WHERE expires_at is not null;
