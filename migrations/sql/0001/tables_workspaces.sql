-- The files of a job, and how much they are together.

CREATE TABLE workspaces (
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  files INTEGER DEFAULT 0 NOT NULL,
  bytes BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT workspaces_pkey PRIMARY KEY (tenant_id, job_id),
  CONSTRAINT workspaces_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES jobs (tenant_id, job_id) ON DELETE CASCADE,
  CONSTRAINT workspaces_files_check CHECK (files between 0 and 1000),
  CONSTRAINT workspaces_bytes_check CHECK (bytes between 0 and 4294967296)
);

CREATE TABLE workspace_files (
  tenant_id TEXT NOT NULL,
  job_id UUID NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  content BYTEA NOT NULL,
  bytes INTEGER NOT NULL,
  etag TEXT NOT NULL,
  is_text BOOLEAN NOT NULL,
  version INTEGER DEFAULT 1 NOT NULL,
  written_by INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT workspace_files_pkey PRIMARY KEY (tenant_id, job_id, path),
  CONSTRAINT workspace_files_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES workspaces (tenant_id, job_id) ON DELETE CASCADE,
  CONSTRAINT workspace_files_path_check CHECK (octet_length(path) between 1 and 512 and path !~ '(^|/)\.{0,2}(/|$)' and path !~ '[\x01-\x1f\x7f\\]'),
  CONSTRAINT workspace_files_bytes_check CHECK (bytes = octet_length(content) and bytes <= 16777216),
  CONSTRAINT workspace_files_etag_check CHECK (etag = left(encode(sha256(content), 'hex'), 32)),
  CONSTRAINT workspace_files_version_check CHECK (version > 0)
);
-- Not compressed: a part of a large file is read without the rest of it.
ALTER TABLE workspace_files ALTER content SET STORAGE EXTERNAL;
