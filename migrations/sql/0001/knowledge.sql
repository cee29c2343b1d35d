-- The words of chunks, and questions about them.

-- A question of one word, which is a lexeme already.
create function query_of_lexeme(p_lexeme text) returns tsquery
language sql immutable strict as $$
  select ('''' || replace(replace(p_lexeme, '\', '\\'), '''', '''''') || '''')::tsquery
$$;

create function list_chunk_words() returns trigger language plpgsql as $$
begin
  new.words := setweight(to_tsvector('english', new.heading), 'A')
               || setweight(to_tsvector('english', new.content), 'D');
  return new;
end $$;

create trigger knowledge_chunks_words before insert or update on knowledge_chunks
for each row execute function list_chunk_words();

-- Citations point at a chunk by its id: what an id means never changes.
create trigger knowledge_chunks_final before update on knowledge_chunks for each row
  when ((new.tenant_id, new.chunk_id, new.source, new.heading, new.content)
        is distinct from (old.tenant_id, old.chunk_id, old.source, old.heading, old.content))
  execute function refuse('what a chunk says never changes');
