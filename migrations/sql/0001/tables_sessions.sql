-- Sessions: the jobs of one conversation, in their order, and what was said.

CREATE TABLE sessions (
  tenant_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  user_id TEXT DEFAULT '' NOT NULL,
  version UUID DEFAULT gen_random_uuid() NOT NULL,
  last_turn INTEGER DEFAULT 0 NOT NULL,
  ttl_s INTEGER DEFAULT 3600 NOT NULL,
  summary BYTEA,
  summed_to INTEGER DEFAULT 0 NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  look_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT sessions_pkey PRIMARY KEY (tenant_id, session_id),
  CONSTRAINT sessions_ttl_check CHECK (ttl_s > 0),
  CONSTRAINT sessions_summary_check CHECK ((summary is null) = (summed_to = 0) and summed_to <= last_turn)
);

CREATE INDEX sessions_look_at_idx ON sessions (look_at);

CREATE INDEX sessions_tenant_id_used_at_idx ON sessions (tenant_id, used_at, session_id);

CREATE TABLE session_messages (
  tenant_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  turn INTEGER NOT NULL,
  part SMALLINT NOT NULL,
  message_id UUID NOT NULL,
  role TEXT NOT NULL,
  content BYTEA NOT NULL,
  calls BYTEA,
  call_id TEXT DEFAULT '' NOT NULL,
  job_id UUID,
  at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT session_messages_pkey PRIMARY KEY (tenant_id, session_id, turn, part),
  CONSTRAINT session_messages_role_check CHECK (role in ('user', 'assistant', 'tool')),
  CONSTRAINT session_messages_calls_check CHECK (calls is null or role = 'assistant'),
  CONSTRAINT session_messages_call_id_check CHECK ((call_id <> '') = (role = 'tool')),
  CONSTRAINT session_messages_part_check CHECK (turn > 0 and (part = 0 or (part = 1 and role = 'assistant' and job_id is not null))),
  CONSTRAINT session_messages_tenant_id_session_id_fkey FOREIGN KEY(tenant_id, session_id) REFERENCES sessions (tenant_id, session_id) ON DELETE CASCADE
);

CREATE TABLE session_turns (
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  session_id TEXT NOT NULL,
  turn INTEGER NOT NULL,
  state TEXT NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  stuck_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT session_turns_pkey PRIMARY KEY (tenant_id, job_id),
  CONSTRAINT session_turns_tenant_id_session_id_turn_key UNIQUE (tenant_id, session_id, turn),
  CONSTRAINT session_turns_state_check CHECK (state in ('waiting', 'now', 'skipped', 'over')),
  CONSTRAINT session_turns_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES jobs (tenant_id, job_id),
  CONSTRAINT session_turns_tenant_id_session_id_fkey FOREIGN KEY(tenant_id, session_id) REFERENCES sessions (tenant_id, session_id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX session_turns_now_idx ON session_turns (tenant_id, session_id) WHERE state = 'now';

CREATE INDEX session_turns_open_idx ON session_turns (tenant_id, session_id, turn) WHERE state <> 'over';
