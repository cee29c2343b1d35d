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
