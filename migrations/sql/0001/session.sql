-- What a transaction must be set to, wherever it comes from: a pooler may have dropped the settings
-- of our session, and a transaction of somebody else has settings of its own.

-- Acknowledged is on disk. Never lowered: with remote_apply the operator asked for more.
create function commit_durably() returns void language plpgsql as $$
begin
  if current_setting('synchronous_commit') in ('off', 'local') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
end $$;

-- Locks are held over more than one statement: whoever freezes in between loses them after 5 s, and
-- whoever waits for them outlasts that.
create function hold_briefly() returns void language plpgsql as $$
begin
  perform commit_durably();
  if current_setting('idle_in_transaction_session_timeout') <> '5s' then
    perform set_config('idle_in_transaction_session_timeout', '5s', true);
  end if;
  if current_setting('lock_timeout') <> '8s' then
    perform set_config('lock_timeout', '8s', true);
  end if;
end $$;
