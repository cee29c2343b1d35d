-- Effects with their permits and evidence, the workers and what they report, and money.

CREATE TABLE budgets (
  tenant_id TEXT NOT NULL,
  budget_id TEXT NOT NULL,
  limit_micro BIGINT NOT NULL,
  reserved_micro BIGINT DEFAULT 0 NOT NULL,
  spent_micro BIGINT DEFAULT 0 NOT NULL,
  overrun_micro BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT budgets_pkey PRIMARY KEY (tenant_id, budget_id),
  CONSTRAINT budgets_limit_check CHECK (limit_micro >= 0 and reserved_micro >= 0 and spent_micro >= 0)
);

CREATE TABLE effects (
  tenant_id TEXT NOT NULL,
  effect_key UUID NOT NULL,
  root_id UUID NOT NULL,
  job_id UUID NOT NULL,
  position INTEGER NOT NULL,
  ordinal INTEGER DEFAULT 0 NOT NULL,
  tool TEXT NOT NULL,
  cls TEXT NOT NULL,
  request BYTEA NOT NULL,
  request_hash BYTEA NOT NULL,
  state TEXT DEFAULT 'intended' NOT NULL,
  result BYTEA,
  doubt_reason TEXT,
  doubted_at TIMESTAMP WITH TIME ZONE,
  first_granted_at TIMESTAMP WITH TIME ZONE,
  failed_looks INTEGER DEFAULT 0 NOT NULL,
  failed_looks_for_good INTEGER DEFAULT 0 NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT effects_pkey PRIMARY KEY (tenant_id, effect_key),
  CONSTRAINT effects_place_key UNIQUE (tenant_id, root_id, position, ordinal),
  CONSTRAINT effects_cls_key UNIQUE (tenant_id, effect_key, cls),
  CONSTRAINT effects_cls_check CHECK (cls in ('keyed','reconcilable','unsafe')),
  CONSTRAINT effects_state_check CHECK (state in ('intended','in_doubt','done','abandoned')),
  CONSTRAINT effects_result_check CHECK ((state = 'done') = (result is not null))
);

CREATE INDEX effects_in_doubt_idx ON effects (tenant_id, doubted_at) WHERE state = 'in_doubt';

CREATE INDEX effects_job_idx ON effects (tenant_id, job_id);

CREATE TABLE suspicions (
  worker_id UUID NOT NULL,
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  position INTEGER NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT suspicions_pkey PRIMARY KEY (worker_id, tenant_id, job_id, position)
);

CREATE UNLOGGED TABLE incarnations (
  one BOOLEAN DEFAULT true NOT NULL,
  since TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT incarnations_pkey PRIMARY KEY (one),
  CONSTRAINT incarnations_one_check CHECK (one)
);
insert into incarnations default values;

CREATE TABLE workers (
  worker_id UUID NOT NULL,
  lock_key BIGINT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  pid_started BIGINT NOT NULL,
  lanes TEXT NOT NULL,
  locked_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  lost_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT workers_pkey PRIMARY KEY (worker_id)
);

CREATE TABLE worker_reports (
  report_id UUID NOT NULL,
  name TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  version TEXT NOT NULL,
  lanes TEXT[] NOT NULL,
  pool TEXT NOT NULL,
  slots INTEGER NOT NULL,
  agents JSONB NOT NULL,
  tools TEXT[] NOT NULL,
  models JSONB NOT NULL,
  secrets TEXT[] NOT NULL,
  abilities JSONB NOT NULL,
  stopping BOOLEAN DEFAULT false NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT worker_reports_pkey PRIMARY KEY (report_id),
  CONSTRAINT worker_reports_agents_check CHECK (jsonb_typeof(agents) = 'object'),
  CONSTRAINT worker_reports_models_check CHECK (jsonb_typeof(models) = 'object'),
  CONSTRAINT worker_reports_abilities_check CHECK (jsonb_typeof(abilities) = 'object')
);

CREATE TABLE permits (
  tenant_id TEXT NOT NULL,
  effect_key UUID NOT NULL,
  attempt INTEGER NOT NULL,
  cls TEXT NOT NULL,
  mode TEXT NOT NULL,
  fence INTEGER NOT NULL,
  worker_id UUID NOT NULL,
  granted_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  quiet_after TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  key_expires_at TIMESTAMP WITH TIME ZONE,
  says TEXT,
  source TEXT,
  checked_at TIMESTAMP WITH TIME ZONE,
  refused_for_good BOOLEAN DEFAULT false NOT NULL,
  quiet_time INTERVAL,
  settle_ms BIGINT DEFAULT 0 NOT NULL,
  holder_gone_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT permits_pkey PRIMARY KEY (tenant_id, effect_key, attempt),
  CONSTRAINT permits_tenant_id_effect_key_cls_fkey FOREIGN KEY(tenant_id, effect_key, cls) REFERENCES effects (tenant_id, effect_key, cls),
  CONSTRAINT permits_attempt_check CHECK (attempt >= 1),
  CONSTRAINT permits_cls_check CHECK (cls in ('keyed','reconcilable','unsafe')),
  CONSTRAINT permits_mode_check CHECK (mode in ('first','same_key','after_refusal','after_absent','after_verdict','repeat')),
  CONSTRAINT permits_same_key_check CHECK (mode <> 'same_key' or cls = 'keyed'),
  CONSTRAINT permits_says_check CHECK (says in ('happened','not_executed','absent','unknown')),
  CONSTRAINT permits_source_check CHECK ((says is null) = (source is null) and (source is null or source in ('reply','lookup','verdict','assumed'))),
  CONSTRAINT permits_absent_needs_quiet_check CHECK (says is distinct from 'absent' or (checked_at is not null and checked_at >= quiet_after)),
  CONSTRAINT permits_refusal_is_a_reply_check CHECK (says is distinct from 'not_executed' or source = 'reply'),
  CONSTRAINT permits_quiet_check CHECK (quiet_after > granted_at),
  CONSTRAINT permits_key_life_check CHECK ((cls = 'keyed') = (key_expires_at is not null) and (key_expires_at is null or granted_at < key_expires_at))
);

CREATE UNIQUE INDEX permits_one_live_idx ON permits (tenant_id, effect_key) WHERE mode not in ('same_key','repeat') and (says is null or says in ('happened','unknown'));

CREATE TABLE reservations (
  tenant_id TEXT NOT NULL,
  budget_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  amount_micro BIGINT NOT NULL,
  spent_micro BIGINT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  settled_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT reservations_pkey PRIMARY KEY (tenant_id, budget_id, job_id),
  CONSTRAINT reservations_tenant_id_budget_id_fkey FOREIGN KEY(tenant_id, budget_id) REFERENCES budgets (tenant_id, budget_id),
  CONSTRAINT reservations_amount_check CHECK (amount_micro > 0),
  CONSTRAINT reservations_settled_check CHECK ((settled_at is null) = (spent_micro is null))
);

CREATE TABLE evidence (
  tenant_id TEXT NOT NULL,
  effect_key UUID NOT NULL,
  number INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  says TEXT NOT NULL,
  source TEXT NOT NULL,
  result_hash BYTEA,
  result BYTEA,
  given_by TEXT DEFAULT '' NOT NULL,
  reason TEXT DEFAULT '' NOT NULL,
  contradicts BOOLEAN DEFAULT false NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT evidence_pkey PRIMARY KEY (tenant_id, effect_key, number),
  CONSTRAINT evidence_tenant_id_effect_key_attempt_fkey FOREIGN KEY(tenant_id, effect_key, attempt) REFERENCES permits (tenant_id, effect_key, attempt),
  CONSTRAINT evidence_says_check CHECK (says in ('happened','not_executed','absent','unknown')),
  CONSTRAINT evidence_source_check CHECK (source in ('reply','lookup','verdict','assumed'))
);
