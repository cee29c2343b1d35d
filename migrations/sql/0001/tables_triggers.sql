-- Triggers, the events that could not be taken, and how far relays have told the journal.

CREATE TABLE triggers (
  tenant_id TEXT NOT NULL,
  trigger_id UUID NOT NULL,
  name TEXT NOT NULL,
  enabled BOOLEAN DEFAULT true NOT NULL,
  definition JSONB NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT triggers_pkey PRIMARY KEY (tenant_id, trigger_id),
  CONSTRAINT triggers_name_key UNIQUE (tenant_id, name)
);

CREATE TABLE dead_letters (
  tenant_id TEXT NOT NULL,
  letter_id UUID NOT NULL,
  digest BYTEA NOT NULL,
  origin TEXT NOT NULL,
  content_type TEXT NOT NULL,
  headers JSONB NOT NULL,
  body BYTEA NOT NULL,
  code TEXT NOT NULL,
  detail TEXT NOT NULL,
  state TEXT DEFAULT 'dead' NOT NULL,
  times INTEGER DEFAULT 1 NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  last_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  replayed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT dead_letters_pkey PRIMARY KEY (tenant_id, letter_id),
  CONSTRAINT dead_letters_digest_key UNIQUE (tenant_id, digest),
  CONSTRAINT dead_letters_state_check CHECK (state in ('dead','replayed','discarded')),
  CONSTRAINT dead_letters_replayed_check CHECK ((state = 'replayed') = (replayed_at is not null))
);

CREATE INDEX dead_letters_state_idx ON dead_letters (tenant_id, state, created_at, letter_id);

CREATE TABLE relays (
  name TEXT NOT NULL,
  told_xact BIGINT NOT NULL,
  ahead JSONB DEFAULT '[]' NOT NULL,
  published BIGINT DEFAULT 0 NOT NULL,
  holder UUID,
  lease_until TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  told_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT relays_pkey PRIMARY KEY (name)
);
