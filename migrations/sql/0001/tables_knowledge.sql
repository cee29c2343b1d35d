-- The documents that agents may search, cut into chunks with a vector each.

CREATE TABLE knowledge_documents (
  tenant_id TEXT NOT NULL,
  source TEXT NOT NULL,
  title TEXT NOT NULL,
  kind TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  content_hash BYTEA NOT NULL,
  model TEXT NOT NULL,
  dimensions INTEGER NOT NULL,
  chunks INTEGER NOT NULL,
  added_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT knowledge_documents_pkey PRIMARY KEY (tenant_id, source),
  CONSTRAINT knowledge_documents_content_key UNIQUE (tenant_id, content_hash),
  CONSTRAINT knowledge_documents_model_key UNIQUE (tenant_id, source, model, dimensions),
  CONSTRAINT knowledge_documents_source_check CHECK (octet_length(source) between 1 and 1024 and octet_length(title) <= 1024),
  CONSTRAINT knowledge_documents_kind_check CHECK (kind in ('text', 'markdown', 'html', 'pdf')),
  CONSTRAINT knowledge_documents_content_hash_check CHECK (octet_length(content_hash) = 32 and bytes > 0),
  CONSTRAINT knowledge_documents_model_check CHECK (model <> '' and dimensions between 1 and 16000),
  CONSTRAINT knowledge_documents_chunks_check CHECK (chunks between 1 and 10000)
);

CREATE TABLE knowledge_chunks (
  tenant_id TEXT NOT NULL,
  chunk_id TEXT NOT NULL,
  source TEXT NOT NULL,
  number INTEGER NOT NULL,
  heading TEXT NOT NULL,
  content TEXT NOT NULL,
  model TEXT NOT NULL,
  dimensions INTEGER NOT NULL,
  embedding REAL[] NOT NULL,
  words TSVECTOR NOT NULL,
  CONSTRAINT knowledge_chunks_pkey PRIMARY KEY (tenant_id, chunk_id),
  CONSTRAINT knowledge_chunks_number_key UNIQUE (tenant_id, source, number),
  CONSTRAINT knowledge_chunks_document_fkey FOREIGN KEY(tenant_id, source, model, dimensions) REFERENCES knowledge_documents (tenant_id, source, model, dimensions) ON DELETE CASCADE,
  CONSTRAINT knowledge_chunks_chunk_id_check CHECK (chunk_id ~ '^doc_[0-9a-f]{16}$'),
  CONSTRAINT knowledge_chunks_number_check CHECK (number between 0 and 9999),
  CONSTRAINT knowledge_chunks_content_check CHECK (octet_length(content) between 1 and 16384 and octet_length(heading) <= 4096),
  CONSTRAINT knowledge_chunks_embedding_check CHECK (array_ndims(embedding) = 1 and cardinality(embedding) = dimensions and array_position(embedding, null) is null and array_position(embedding, 'NaN') is null)
);

CREATE INDEX knowledge_chunks_words_idx ON knowledge_chunks USING gin (words);
