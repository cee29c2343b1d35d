-- The tail of the journal, for relays. Numbers of a sequence would be no help: a transaction that took
-- a lower one may commit later, and whoever had read on would never see it. So a relay goes by
-- transactions: below the horizon each is decided, committed and visible or gone for ever.

-- What comes behind `told_xact`: whole transactions, until p_limit rows are passed. An entry of a job
-- may stand in a younger transaction than its successor (which began earlier and waited for the job's
-- row): it is read early, so that the job is told in order, and is noted in `ahead`.
create function relay_batch(p_name text, p_limit int)
returns table (tenant_id text, job_id uuid, number int, type text, at timestamptz, data bytea,
               xact bigint, early boolean)
language plpgsql set enable_seqscan = off as $$
#variable_conflict use_column
declare
  v_horizon bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  v_told bigint; v_top bigint;
begin
  select told_xact into v_told from relays where name = p_name;
  select max(w.xact) into v_top from (
    select xact from journal where xact > v_told and xact < v_horizon
     order by xact limit p_limit) w;
  if v_top is null then return; end if;
  return query
    with recursive behind as (
      select j.* from journal j where j.xact > v_told and j.xact <= v_top
    ), before as (
      select p.* from behind b join journal p
          on p.tenant_id = b.tenant_id and p.job_id = b.job_id and p.number = b.number - 1
       where p.xact > v_top
      union
      select p.* from before b join journal p
          on p.tenant_id = b.tenant_id and p.job_id = b.job_id and p.number = b.number - 1
       where p.xact > v_top
    )
    select b.tenant_id, b.job_id, b.number, b.type, b.at, b.data, b.xact, false from behind b
    union all
    select b.tenant_id, b.job_id, b.number, b.type, b.at, b.data, b.xact, true from before b;
end $$;
