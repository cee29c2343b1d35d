-- What running workers say of themselves, and what is remembered of those that have ended.

-- Three beats may be missed. A worker that is stopping lives, but takes nothing any more.
create function living_reports() returns setof worker_reports language sql stable as $$
  select * from worker_reports where seen_at > clock_timestamp() - interval '35 seconds'
$$;

-- Delete the report of a worker that has ended; of its agents it stays known who had them last. They
-- are locked in the order of their names, as by workers that start.
create function forget_report(p_report uuid) returns void language plpgsql as $$
declare w worker_reports;
begin
  delete from worker_reports where report_id = p_report returning * into w;
  perform 1 from agents where tenant_id = '*' and w.agents ? name order by name for no key update;
  update agents set last_seen_at = w.seen_at, last_seen_on = w.host
   where tenant_id = '*' and w.agents ? name
     and (last_seen_at is null or last_seen_at < w.seen_at);
end $$;
