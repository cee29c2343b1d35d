"""What the role of a connection may do beside reading, through any role that it may become."""

from dataclasses import dataclass

from agent_workers.state.database.engine import Connection

# A superuser is a member of every role; somebody who may become one is one.
_MINE = "select r.* from pg_roles r where pg_has_role(session_user, r.oid, 'MEMBER')"
_OVER_THE_SERVER = f"""
with mine as ({_MINE})
select string_agg(distinct what, ', ') from (
    select case when rolsuper then 'superuser' else 'replication' end as what from mine
     where rolsuper or rolreplication
    union all
    select rolname from mine
     where rolname in ('pg_execute_server_program', 'pg_read_server_files',
                       'pg_write_server_files', 'pg_signal_backend')
    union all
    select p.proname from pg_proc p, mine m
     where p.pronamespace = 'pg_catalog'::regnamespace
       and p.proname in ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file',
                         'lo_import', 'lo_export', 'pg_reload_conf', 'pg_rotate_logfile')
       and has_function_privilege(m.oid, p.oid, 'EXECUTE')
) powers
"""
_WRITES = f"""
with mine as ({_MINE})
select string_agg(what, ', ') from (
    select 'pg_write_all_data' as what from mine where rolname = 'pg_write_all_data'
    union all
    (select distinct c.oid::regclass::text from pg_class c, mine m
      where c.relkind in ('r', 'p', 'v', 'f', 'm') and c.relpersistence <> 't'
        and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
        and (has_table_privilege(m.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
             or has_any_column_privilege(m.oid, c.oid, 'INSERT, UPDATE'))
      limit 3)
) powers
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """Empty where there is none; else a few of them, for people."""

    over_the_server: str
    writes: str


def powers_of(connection: Connection) -> Powers:
    over = connection.execute(_OVER_THE_SERVER).fetchone()
    writes = connection.execute(_WRITES).fetchone()
    return Powers(over_the_server=_said(over), writes=_said(writes))


def _said(row: tuple[object, ...] | None) -> str:
    return str(row[0]) if row and row[0] else ""
