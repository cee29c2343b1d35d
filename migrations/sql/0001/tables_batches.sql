-- Batches and their items: what a batch asks for stays here until its job is admitted.

CREATE TABLE batches (
  tenant_id TEXT NOT NULL,
  batch_id UUID NOT NULL,
  status TEXT DEFAULT 'open' NOT NULL,
  stop_as TEXT,
  reason TEXT,
  concurrency INTEGER NOT NULL,
  on_error TEXT NOT NULL,
  costs BOOLEAN DEFAULT false NOT NULL,
  template JSONB DEFAULT '{}' NOT NULL,
  metadata JSONB DEFAULT '{}' NOT NULL,
  item_count INTEGER DEFAULT 0 NOT NULL,
  last_number INTEGER DEFAULT 0 NOT NULL,
  counts JSONB,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE,
  finished_at TIMESTAMP WITH TIME ZONE,
  deadline_at TIMESTAMP WITH TIME ZONE,
  look_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT batches_pkey PRIMARY KEY (tenant_id, batch_id),
  CONSTRAINT batches_status_check CHECK (status in ('open','running','stopping','completed','failed','canceled','expired')),
  CONSTRAINT batches_stop_check CHECK ((stop_as is null) or stop_as in ('failed','canceled','expired')),
  CONSTRAINT batches_finished_check CHECK ((finished_at is not null) = (status in ('completed','failed','canceled','expired'))),
  CONSTRAINT batches_concurrency_check CHECK (concurrency > 0),
  CONSTRAINT batches_on_error_check CHECK (on_error in ('continue','stop'))
);

CREATE INDEX batches_created_at_idx ON batches (tenant_id, created_at, batch_id);

CREATE INDEX batches_look_idx ON batches (look_at) WHERE finished_at is null;

CREATE TABLE batch_items (
  tenant_id TEXT NOT NULL,
  batch_id UUID NOT NULL,
  number INTEGER NOT NULL,
  custom_id TEXT NOT NULL,
  status TEXT DEFAULT 'pending' NOT NULL,
  agent TEXT NOT NULL,
  input BYTEA NOT NULL,
  options JSONB DEFAULT '{}' NOT NULL,
  job_id UUID,
  CONSTRAINT batch_items_pkey PRIMARY KEY (tenant_id, batch_id, number),
  CONSTRAINT batch_items_tenant_id_batch_id_fkey FOREIGN KEY(tenant_id, batch_id) REFERENCES batches (tenant_id, batch_id),
  CONSTRAINT batch_items_status_check CHECK (status in ('pending','running','succeeded','failed','canceled'))
)
 WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);

-- No two indexes begin alike: before there are statistics they would all look equally cheap, and
-- the wrong one reads a whole batch for each item.
CREATE INDEX batch_items_status_idx ON batch_items (status, tenant_id, batch_id, number);

CREATE UNIQUE INDEX batch_items_custom_id_idx ON batch_items (custom_id, tenant_id, batch_id);
