-- Schedules, and one row for each of their ticks that somebody has decided about.

CREATE TABLE schedules (
  tenant_id TEXT NOT NULL,
  schedule_id UUID NOT NULL,
  name TEXT DEFAULT '' NOT NULL,
  type TEXT NOT NULL,
  expression TEXT,
  timezone TEXT DEFAULT 'UTC' NOT NULL,
  interval_s INTEGER,
  run_at TIMESTAMP WITH TIME ZONE,
  start_at TIMESTAMP WITH TIME ZONE,
  end_at TIMESTAMP WITH TIME ZONE,
  status TEXT DEFAULT 'active' NOT NULL,
  overlap TEXT DEFAULT 'skip' NOT NULL,
  catch_up TEXT DEFAULT 'last' NOT NULL,
  catch_up_window_s INTEGER DEFAULT 86400 NOT NULL,
  jitter_s INTEGER DEFAULT 0 NOT NULL,
  target BYTEA NOT NULL,
  metadata JSONB DEFAULT '{}' NOT NULL,
  next_fire_at TIMESTAMP WITH TIME ZONE,
  last_fire_at TIMESTAMP WITH TIME ZONE,
  version INTEGER DEFAULT 1 NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT schedules_pkey PRIMARY KEY (tenant_id, schedule_id),
  CONSTRAINT schedules_type_check CHECK (type in ('cron','interval','once')),
  CONSTRAINT schedules_status_check CHECK (status in ('active','paused','completed')),
  CONSTRAINT schedules_overlap_check CHECK (overlap in ('skip','queue','cancel_running','allow')),
  CONSTRAINT schedules_catch_up_check CHECK (catch_up in ('none','last','all')),
  CONSTRAINT schedules_target_check CHECK (octet_length(target) <= 524288),
  CONSTRAINT schedules_next_fire_check CHECK ((status = 'active') = (next_fire_at is not null)),
  CONSTRAINT schedules_rule_check CHECK ((type = 'cron') = (expression is not null) and (type = 'interval') = (interval_s is not null) and (type = 'once') = (run_at is not null))
);

CREATE INDEX schedules_due_idx ON schedules (next_fire_at) WHERE status = 'active';

CREATE INDEX schedules_created_at_idx ON schedules (tenant_id, created_at, schedule_id);

CREATE TABLE schedule_runs (
  tenant_id TEXT NOT NULL,
  schedule_id UUID NOT NULL,
  fire_at TIMESTAMP WITH TIME ZONE NOT NULL,
  origin TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  skipped_until TIMESTAMP WITH TIME ZONE,
  job_id UUID,
  batch_id UUID,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT schedule_runs_pkey PRIMARY KEY (tenant_id, schedule_id, fire_at),
  CONSTRAINT schedule_runs_tenant_id_schedule_id_fkey FOREIGN KEY(tenant_id, schedule_id) REFERENCES schedules (tenant_id, schedule_id) ON DELETE CASCADE,
  CONSTRAINT schedule_runs_origin_check CHECK (origin in ('schedule','trigger','backfill')),
  CONSTRAINT schedule_runs_state_check CHECK (state in ('waiting','started','ended','skipped','failed')),
  CONSTRAINT schedule_runs_started_check CHECK ((state in ('started','ended')) = (num_nonnulls(job_id, batch_id) = 1)),
  CONSTRAINT schedule_runs_reason_check CHECK ((state in ('skipped','failed')) = (reason is not null))
);

CREATE INDEX schedule_runs_live_idx ON schedule_runs (tenant_id, schedule_id, state) WHERE state in ('waiting','started');
