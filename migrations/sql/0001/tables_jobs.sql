-- Jobs, their steps and journal, and what guards their admission.

CREATE TABLE agents (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  plan_timeout_ms INTEGER NOT NULL,
  plan_hold_micro BIGINT DEFAULT 0 NOT NULL,
  definition JSONB DEFAULT '{}' NOT NULL,
  registered_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  retired_at TIMESTAMP WITH TIME ZONE,
  last_seen_at TIMESTAMP WITH TIME ZONE,
  last_seen_on TEXT,
  CONSTRAINT agents_pkey PRIMARY KEY (tenant_id, name)
);

CREATE TABLE api_keys (
  tenant_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  name TEXT DEFAULT '' NOT NULL,
  secret_hash BYTEA NOT NULL,
  scopes JSONB DEFAULT '[]' NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE,
  revoked_at TIMESTAMP WITH TIME ZONE,
  last_used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, key_id)
);

CREATE UNIQUE INDEX api_keys_key_id_idx ON api_keys (key_id);

CREATE TABLE idempotency_keys (
  tenant_id TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint BYTEA NOT NULL,
  job_id UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key)
);

CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);

CREATE TABLE jobs (
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  root_id UUID NOT NULL,
  parent_id UUID,
  agent TEXT NOT NULL,
  agent_version TEXT DEFAULT '' NOT NULL,
  depth SMALLINT DEFAULT 0 NOT NULL,
  workflow TEXT DEFAULT '' NOT NULL,
  status TEXT DEFAULT 'queued' NOT NULL,
  status_detail TEXT,
  input BYTEA NOT NULL,
  output BYTEA,
  error BYTEA,
  metadata JSONB DEFAULT '{}' NOT NULL,
  callback_url TEXT,
  priority SMALLINT DEFAULT 0 NOT NULL,
  max_steps INTEGER NOT NULL,
  next_position INTEGER DEFAULT 0 NOT NULL,
  open_steps INTEGER DEFAULT 0 NOT NULL,
  journal_number INTEGER DEFAULT 0 NOT NULL,
  bytes BIGINT DEFAULT 0 NOT NULL,
  allowance_micro BIGINT DEFAULT 0 NOT NULL,
  draws BOOLEAN DEFAULT false NOT NULL,
  held_micro BIGINT DEFAULT 0 NOT NULL,
  spent_micro BIGINT DEFAULT 0 NOT NULL,
  input_tokens BIGINT DEFAULT 0 NOT NULL,
  cached_tokens BIGINT DEFAULT 0 NOT NULL,
  output_tokens BIGINT DEFAULT 0 NOT NULL,
  tool_calls INTEGER DEFAULT 0 NOT NULL,
  course TEXT DEFAULT '' NOT NULL,
  degraded JSONB DEFAULT '[]' NOT NULL,
  cancel_reason TEXT,
  stop_error BYTEA,
  pause_requested BOOLEAN DEFAULT false NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE,
  finished_at TIMESTAMP WITH TIME ZONE,
  deadline_at TIMESTAMP WITH TIME ZONE,
  batch_id UUID,
  batch_number INTEGER,
  schedule_id UUID,
  user_id TEXT DEFAULT '' NOT NULL,
  session_id TEXT DEFAULT '' NOT NULL,
  CONSTRAINT jobs_pkey PRIMARY KEY (tenant_id, job_id)
)
 WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX jobs_tenant_id_created_at_job_id_idx ON jobs (tenant_id, created_at, job_id);

CREATE INDEX jobs_tenant_id_status_created_at_job_id_idx ON jobs (tenant_id, status, created_at, job_id);

CREATE INDEX jobs_user_idx ON jobs (tenant_id, user_id, created_at, job_id) WHERE user_id <> '';

CREATE INDEX jobs_session_idx ON jobs (tenant_id, session_id, created_at, job_id) WHERE session_id <> '';

CREATE TABLE job_labels (
  tenant_id TEXT NOT NULL,
  label BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  job_id UUID NOT NULL,
  CONSTRAINT job_labels_pkey PRIMARY KEY (tenant_id, label, at, job_id)
);

CREATE TABLE journal (
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  number INTEGER NOT NULL,
  type TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  data BYTEA NOT NULL,
  bytes INTEGER DEFAULT 0 NOT NULL,
  xact BIGINT DEFAULT pg_current_xact_id()::text::bigint NOT NULL,
  CONSTRAINT journal_pkey PRIMARY KEY (tenant_id, job_id, number),
  CONSTRAINT journal_number_check CHECK (number > 0)
);

CREATE INDEX journal_xact_idx ON journal (xact);

CREATE TABLE timers (
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  kind TEXT NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT timers_pkey PRIMARY KEY (tenant_id, job_id, kind),
  CONSTRAINT timers_kind_check CHECK (kind in ('deadline', 'orphan', 'budget', 'interrupt', 'replaced', 'stuck'))
);

CREATE INDEX timers_due_at_idx ON timers (due_at);

CREATE TABLE steps (
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  position INTEGER NOT NULL,
  round INTEGER NOT NULL,
  kind TEXT NOT NULL,
  lane TEXT NOT NULL,
  status TEXT NOT NULL,
  tool TEXT DEFAULT '' NOT NULL,
  call_id TEXT DEFAULT '' NOT NULL,
  arguments BYTEA,
  effect TEXT DEFAULT 'pure' NOT NULL,
  timeout_ms INTEGER NOT NULL,
  hold_micro BIGINT DEFAULT 0 NOT NULL,
  called_micro BIGINT DEFAULT 0 NOT NULL,
  fence INTEGER DEFAULT 0 NOT NULL,
  tries SMALLINT DEFAULT 0 NOT NULL,
  deaths SMALLINT DEFAULT 0 NOT NULL,
  rings SMALLINT DEFAULT 0 NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  ring_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE,
  claimed_by UUID,
  task_id TEXT,
  outcome_type TEXT,
  outcome BYTEA,
  last_error TEXT,
  error BYTEA,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  claimed_at TIMESTAMP WITH TIME ZONE,
  done_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT steps_pkey PRIMARY KEY (tenant_id, job_id, position),
  CONSTRAINT steps_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES jobs (tenant_id, job_id)
)
 WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);

CREATE INDEX steps_lease_idx ON steps (lease_until) WHERE status = 'claimed';

CREATE INDEX steps_parked_idx ON steps (tenant_id, job_id) WHERE status in ('in_doubt','quarantined');

CREATE INDEX steps_ready_idx ON steps (lane, due_at) WHERE status = 'ready';

CREATE INDEX steps_ring_idx ON steps (lane, ring_at) WHERE status = 'ready';

CREATE INDEX steps_turns_idx ON steps (lane, tenant_id, due_at) WHERE status = 'ready';
