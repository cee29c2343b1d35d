-- What steps wait for without a worker, and the messages that jobs are sent.

CREATE TABLE waits (
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  position INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  prompt BYTEA NOT NULL,
  child_id UUID,
  held_micro BIGINT DEFAULT 0 NOT NULL,
  answer BYTEA,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE,
  answered_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT waits_pkey PRIMARY KEY (tenant_id, job_id, position),
  CONSTRAINT waits_tenant_id_job_id_position_fkey FOREIGN KEY(tenant_id, job_id, position) REFERENCES steps (tenant_id, job_id, position),
  CONSTRAINT waits_kind_check CHECK (kind in ('child', 'event', 'person', 'timer', 'breaker', 'place', 'worker')),
  CONSTRAINT waits_answer_check CHECK ((answer is null) = (answered_at is null))
);

CREATE INDEX waits_key_idx ON waits (tenant_id, kind, key) WHERE answered_at is null;

CREATE INDEX waits_child_idx ON waits (tenant_id, child_id) WHERE child_id is not null;

CREATE INDEX waits_worker_idx ON waits (key, expires_at) WHERE kind = 'worker' and answered_at is null;

CREATE TABLE messages (
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  number INTEGER NOT NULL,
  name TEXT NOT NULL,
  data BYTEA NOT NULL,
  sender TEXT NOT NULL,
  sent_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  taken_by INTEGER,
  CONSTRAINT messages_pkey PRIMARY KEY (tenant_id, job_id, number),
  CONSTRAINT messages_sender_key UNIQUE (tenant_id, job_id, sender)
);

CREATE INDEX messages_name_idx ON messages (tenant_id, job_id, name, number) WHERE taken_by is null;
