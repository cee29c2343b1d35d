-- Everything goes again, but what belongs to an extension, and the table where Alembic keeps its place.

do $$
declare v_schema oid := 'agent_workers'::regnamespace; v_trigger text;
begin
  -- Triggers that watch tables of the users' go with the function that they call.
  drop function watch_row cascade;
  for v_trigger in
    select format('drop trigger %I on %s', tgname, c.oid::regclass)
      from pg_trigger join pg_class c on c.oid = tgrelid
     where relnamespace = v_schema and not tgisinternal loop
    execute v_trigger;
  end loop;
  execute format('drop function %s', (
    select string_agg(p.oid::regprocedure::text, ', ') from pg_proc p
     where pronamespace = v_schema
       and not exists (select from pg_depend where classid = 'pg_proc'::regclass
                          and objid = p.oid and deptype = 'e')));
  execute format('drop table %s', (
    select string_agg(oid::regclass::text, ', ') from pg_class
     where relnamespace = v_schema and relkind = 'r' and relname <> 'alembic_version'));
  execute format('drop type %s', (
    select string_agg(oid::regclass::text, ', ') from pg_class
     where relnamespace = v_schema and relkind = 'c'));
end $$;
