-- Circuit breakers of tools and models, shared by all workers: one for each tenant that something
-- failed for, and one (of tenant *) for what failed for several. A row is written when something
-- fails or a breaker changes, and never while all is well.

CREATE TABLE breakers (
  name TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  state TEXT DEFAULT 'closed' NOT NULL,
  version INTEGER NOT NULL,
  failures INTEGER DEFAULT 0 NOT NULL,
  successes INTEGER DEFAULT 0 NOT NULL,
  window_began_at TIMESTAMP WITH TIME ZONE,
  failed_for TEXT[] DEFAULT '{}' NOT NULL,
  opens INTEGER DEFAULT 0 NOT NULL,
  until TIMESTAMP WITH TIME ZONE,
  reason TEXT DEFAULT '' NOT NULL,
  by_hand BOOLEAN DEFAULT false NOT NULL,
  probe_by TEXT DEFAULT '' NOT NULL,
  probed_for TEXT DEFAULT '*' NOT NULL,
  probe_lock BIGINT,
  changed_at TIMESTAMP WITH TIME ZONE,
  woken_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT breakers_pkey PRIMARY KEY (name, tenant_id),
  CONSTRAINT breakers_state_check CHECK (state in ('closed', 'open', 'half_open')),
  CONSTRAINT breakers_probe_check CHECK ((state = 'half_open') = (probe_by <> ''))
);

CREATE INDEX waits_breaker_idx ON waits (key, tenant_id, expires_at) WHERE kind = 'breaker' and answered_at is null;
