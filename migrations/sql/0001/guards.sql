-- What may never happen, refused by the database itself: the moves, and what is kept for ever.

create function refuse() returns trigger language plpgsql as $$
begin
  raise exception '%: %', tg_table_name, tg_argv[0] using errcode = 'AW002';
end $$;

create function job_may_move(before text, after text) returns boolean
language sql immutable as $$
  select case before
    when 'queued' then after not in ('queued', 'succeeded')
    when 'running' then after not in ('queued', 'running')
    when 'waiting' then after not in ('queued', 'waiting')
    when 'paused' then after not in ('paused')
    when 'canceling' then after in ('canceled', 'failed')
    when 'in_doubt' then after not in ('queued', 'in_doubt')
    when 'quarantined' then after not in ('queued', 'quarantined')
    else false
  end
$$;

create function step_may_move(before text, after text) returns boolean
language sql immutable as $$
  select case before
    when 'ready' then after in ('claimed', 'paused', 'quarantined', 'canceled')
    when 'claimed' then after <> 'claimed'
    when 'paused' then after in ('ready', 'canceled')
    when 'in_doubt' then after in ('ready', 'paused', 'canceled')
    when 'quarantined' then after in ('ready', 'paused', 'canceled')
    else false
  end
$$;

create trigger steps_kept before delete on steps for each row
  execute function refuse('steps are kept as long as their job');

-- All but `xact`, which means nothing to another server: relays put it right after a restore.
create trigger journal_only_grows
  before update of tenant_id, job_id, number, type, at, data, bytes or delete on journal for each row
  execute function refuse('the journal is append-only');
create trigger evidence_only_grows before update or delete on evidence for each row
  execute function refuse('evidence is append-only');

create trigger effects_intent before update on effects for each row
  when (new.effect_key <> old.effect_key or new.request <> old.request
        or new.request_hash <> old.request_hash or new.cls <> old.cls or new.tool <> old.tool
        or new.root_id <> old.root_id or new.position <> old.position
        or new.ordinal <> old.ordinal)
  execute function refuse('an intent never changes');
create trigger effects_done before update on effects for each row
  when (old.state = 'done'
        and (new.state <> 'done' or new.result is distinct from old.result))
  execute function refuse('an effect that is done stays done');
create trigger effects_abandoned before update on effects for each row
  when (old.state = 'abandoned' and new.state not in ('abandoned', 'done'))
  execute function refuse('an effect that was given up is not attempted again');
create trigger effects_kept before delete on effects for each row
  execute function refuse('effects are kept as long as their job');
-- Until its outcome is proven, the quiet time of a permit may end sooner (settling time after its
-- process was known to be gone) or later (a clock jumped), and not otherwise.
create trigger permits_grant before update on permits for each row
  when (new.attempt <> old.attempt or new.mode <> old.mode or new.fence <> old.fence
        or new.granted_at <> old.granted_at or new.settle_ms <> old.settle_ms
        or (new.quiet_after <> old.quiet_after and old.says in ('happened', 'not_executed', 'absent'))
        or (new.quiet_after < old.quiet_after
            and new.quiet_after is distinct from
                new.holder_gone_at + make_interval(secs => new.settle_ms / 1000.0))
        or (old.holder_gone_at is not null
            and new.holder_gone_at is distinct from old.holder_gone_at)
        or new.key_expires_at is distinct from old.key_expires_at)
  execute function refuse('what a permit granted never changes');
create trigger permits_says before update on permits for each row
  when (old.says in ('happened', 'not_executed', 'absent') and new.says is distinct from old.says)
  execute function refuse('what is proven of a permit is final');
create trigger permits_kept before delete on permits for each row
  execute function refuse('permits are kept as long as their effect');

-- A limit may be lowered below what is used; what is used never grows beyond it. What a call cost
-- beyond what was held for it is booked as overrun, and is no growth.
create function guard_budget() returns trigger language plpgsql as $$
begin
  if new.reserved_micro + new.spent_micro - new.overrun_micro
     > greatest(new.limit_micro, old.reserved_micro + old.spent_micro - old.overrun_micro) then
    perform violated('budgets', 'budgets_limit_check');
  end if;
  return new;
end $$;

create trigger budgets_guard before update on budgets
  for each row execute function guard_budget();
