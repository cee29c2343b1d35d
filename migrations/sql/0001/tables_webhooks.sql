-- Webhooks: who wants to know, what was announced, what is to be delivered where, and each attempt.

CREATE TABLE webhook_endpoints (
  tenant_id TEXT NOT NULL,
  endpoint_id UUID NOT NULL,
  name TEXT DEFAULT '' NOT NULL,
  url TEXT NOT NULL,
  event_types TEXT[] NOT NULL,
  payload TEXT DEFAULT 'thin' NOT NULL,
  status TEXT DEFAULT 'enabled' NOT NULL,
  disabled_reason TEXT,
  disabled_at TIMESTAMP WITH TIME ZONE,
  secret_version INTEGER DEFAULT 1 NOT NULL,
  old_secret_until TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (tenant_id, endpoint_id),
  CONSTRAINT webhook_endpoints_payload_check CHECK (payload in ('thin','full')),
  CONSTRAINT webhook_endpoints_status_check CHECK (status in ('enabled','disabled')),
  CONSTRAINT webhook_endpoints_disabled_check CHECK ((status = 'disabled') = (disabled_at is not null)),
  CONSTRAINT webhook_endpoints_version_check CHECK (secret_version >= 1)
);

CREATE TABLE webhook_events (
  tenant_id TEXT NOT NULL,
  event_id UUID NOT NULL,
  type TEXT NOT NULL,
  subject TEXT DEFAULT '' NOT NULL,
  job_id UUID,
  data JSONB NOT NULL,
  detail BYTEA,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT webhook_events_pkey PRIMARY KEY (tenant_id, event_id)
);

CREATE INDEX webhook_events_created_at_idx ON webhook_events (tenant_id, created_at);

CREATE INDEX webhook_events_age_idx ON webhook_events USING brin (created_at);

CREATE TABLE webhook_deliveries (
  tenant_id TEXT NOT NULL,
  delivery_id UUID NOT NULL,
  event_id UUID NOT NULL,
  event_type TEXT NOT NULL,
  target_id UUID NOT NULL,
  endpoint_id UUID,
  url TEXT,
  job_id UUID,
  status TEXT DEFAULT 'pending' NOT NULL,
  fence INTEGER DEFAULT 0 NOT NULL,
  tries INTEGER DEFAULT 0 NOT NULL,
  behind BOOLEAN DEFAULT false NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE,
  last_status_code INTEGER,
  last_error TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, delivery_id),
  CONSTRAINT webhook_deliveries_status_check CHECK (status in ('pending','sending','succeeded','failed')),
  CONSTRAINT webhook_deliveries_lease_check CHECK ((status = 'sending') = (lease_until is not null)),
  CONSTRAINT webhook_deliveries_finished_check CHECK ((status in ('succeeded','failed')) = (finished_at is not null)),
  CONSTRAINT webhook_deliveries_target_check CHECK ((endpoint_id is null) = (url is not null))
)
 WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (tenant_id, target_id, due_at) WHERE status = 'pending';

CREATE INDEX webhook_deliveries_fresh_idx ON webhook_deliveries (tenant_id, target_id, due_at) WHERE status = 'pending' and not behind;

CREATE INDEX webhook_deliveries_behind_idx ON webhook_deliveries (tenant_id, due_at) WHERE status = 'pending' and behind;

CREATE INDEX webhook_deliveries_waiting_idx ON webhook_deliveries (due_at) WHERE status = 'pending' and behind;

CREATE INDEX webhook_deliveries_sending_idx ON webhook_deliveries (tenant_id, target_id, lease_until) WHERE status = 'sending';

CREATE INDEX webhook_deliveries_endpoint_idx ON webhook_deliveries (tenant_id, endpoint_id, created_at, delivery_id);

CREATE UNIQUE INDEX webhook_deliveries_event_idx ON webhook_deliveries (tenant_id, event_id, target_id);

CREATE TABLE webhook_attempts (
  tenant_id TEXT NOT NULL,
  delivery_id UUID NOT NULL,
  number INTEGER NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  duration_ms INTEGER NOT NULL,
  status_code INTEGER,
  error TEXT,
  response TEXT,
  CONSTRAINT webhook_attempts_pkey PRIMARY KEY (tenant_id, delivery_id, number)
);

CREATE TABLE webhook_targets (
  tenant_id TEXT NOT NULL,
  target_id UUID NOT NULL,
  failing_since TIMESTAMP WITH TIME ZONE,
  failures INTEGER DEFAULT 0 NOT NULL,
  paused_until TIMESTAMP WITH TIME ZONE,
  answered_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT webhook_targets_pkey PRIMARY KEY (tenant_id, target_id)
);

CREATE TABLE project_secrets (
  tenant_id TEXT NOT NULL,
  secret_version INTEGER DEFAULT 1 NOT NULL,
  old_secret_until TIMESTAMP WITH TIME ZONE,
  CONSTRAINT project_secrets_pkey PRIMARY KEY (tenant_id)
);
