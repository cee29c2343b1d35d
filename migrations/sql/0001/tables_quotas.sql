-- How many of a kind each tenant may have and has; no row: none yet, and as many as by default.

CREATE TABLE quotas (
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  most BIGINT,
  used BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT quotas_pkey PRIMARY KEY (tenant_id, kind),
  CONSTRAINT quotas_most_check CHECK (most >= 0),
  CONSTRAINT quotas_used_check CHECK (used >= 0)
);

CREATE TABLE quota_returns (
  number BIGINT GENERATED ALWAYS AS IDENTITY,
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  CONSTRAINT quota_returns_pkey PRIMARY KEY (number)
);

CREATE INDEX quota_returns_tenant_id_kind_idx ON quota_returns (tenant_id, kind);

-- What is kept more and less of besides what the journal tells of jobs, until it is counted; and up to
-- which transaction it is.
CREATE TABLE bytes_changes (
  xact BIGINT DEFAULT pg_current_xact_id()::text::bigint NOT NULL,
  number BIGINT GENERATED ALWAYS AS IDENTITY,
  tenant_id TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  CONSTRAINT bytes_changes_pkey PRIMARY KEY (xact, number)
);

CREATE TABLE bytes_counted (
  one BOOLEAN DEFAULT true NOT NULL,
  xact BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT bytes_counted_pkey PRIMARY KEY (one),
  CONSTRAINT bytes_counted_one_check CHECK (one)
);
