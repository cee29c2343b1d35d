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

create function ago(p_at timestamptz) returns text language sql stable as $$
  select case when s < 120 then s || ' s' when s < 7200 then s / 60 || ' min'
              when s < 172800 then s / 3600 || ' h' else s / 86400 || ' days' end || ' ago'
    from (select greatest(0, extract(epoch from clock_timestamp() - p_at))::bigint as s) seconds
$$;

-- Which worker a step of this job waits for; nothing where a running one serves its lane and has what
-- it needs. Agents from files are every worker's, if it has their tools. `p_key` and `p_prompt` are of
-- its wait: what the worker lacked that last looked at it.
create function missing_worker(
  p_is_asked boolean, p_tenant text, p_job uuid, p_lane text, p_key text, p_prompt bytea, out key text, out message text
) language plpgsql stable as $$
declare j jobs; v record; v_tool text; v_seen record;
begin
  if not coalesce(p_is_asked, false) then return; end if;
  if not exists (select from living_reports() where p_lane = any (lanes) and not stopping) then
    key := 'lane:' || p_lane;
    message := format('nothing serves lane %s: run `agent-workers worker --lanes %s --pool %s`', p_lane,
                      p_lane, case p_lane when 'effect' then 'prefork' else 'threads' end);
    return;
  end if;
  select * into j from jobs where tenant_id = p_tenant and job_id = p_job;
  select name, source, definition into v from agent_versions
   where tenant_id in (p_tenant, '*') and name = j.agent and version = j.agent_version
   order by tenant_id = '*' limit 1;
  if v.source = 'python' and not exists (
       select from living_reports() where p_lane = any (lanes) and not stopping and agents ? j.agent) then
    select seen_at, host into v_seen from (
      select seen_at, host from worker_reports where agents ? j.agent
      union all
      select last_seen_at, last_seen_on from agents
       where tenant_id = '*' and name = j.agent and last_seen_at is not null) s
     order by seen_at desc limit 1;
    key := 'agent:' || j.agent;
    message := format('no running worker of lane %s has agent %L%s: run `agent-workers worker --tools '
      'MODULE` with its module, or cancel the job', p_lane, j.agent,
      ' (last seen ' || ago(v_seen.seen_at) || ' on host ' || v_seen.host || ')');
    return;
  end if;
  select t->>'name' into v_tool from jsonb_array_elements(v.definition->'tools') t
   where v.source = 'yaml' and exists (select from tools where tools.name = t->>'name')
     and not exists (select from living_reports() r
                      where p_lane = any (lanes) and not stopping and t->>'name' = any (r.tools)) limit 1;
  if found then
    key := 'tool:' || v_tool;
    message := format('no running worker of lane %s has tool %L of agent %L: run `agent-workers worker '
                      '--tools MODULE` with a module that has it', p_lane, v_tool, j.agent);
  elsif p_prompt is not null then
    key := p_key;
    message := format('the worker that last looked cannot do it: %s',
                      convert_from(p_prompt, 'UTF8')::json->>'message');
  end if;
end $$;

-- A worker has begun that has these agents and tools: bring forward what waits for them.
create function wake_for_worker(p_keys text[], p_most int) returns setof ring language plpgsql as $$
declare w record; v_now timestamptz := clock_timestamp();
begin
  for w in select waits.tenant_id, waits.job_id, waits.position, steps.kind, steps.lane, steps.status
             from waits join steps using (tenant_id, job_id, position)
            where waits.kind = 'worker' and waits.key = any (p_keys) and waits.answered_at is null
              and waits.expires_at > v_now
            order by waits.expires_at limit p_most for update of waits, steps skip locked loop
    update waits set answer = '{}', answered_at = v_now
     where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position;
    continue when w.status not in ('ready', 'paused');
    update steps set due_at = v_now, ring_at = v_now + interval '1 second', rings = 0
     where tenant_id = w.tenant_id and job_id = w.job_id and position = w.position;
    if w.status = 'ready' then
      return next (w.tenant_id, w.job_id, w.position, w.kind, w.lane, true, 0)::ring;
    end if;
  end loop;
end $$;
