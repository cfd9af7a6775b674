-- The database refuses a move that its machine (domain/states.ts) does not have, whoever makes it: the last line of
-- defence. The condition is part of the trigger, so a legal move calls no function.

create function refuse_move() returns trigger language plpgsql as $$
begin
  raise exception 'a % cannot go from % to %', tg_argv[0], to_jsonb(old) ->> tg_argv[1], to_jsonb(new) ->> tg_argv[1]
    using errcode = 'check_violation';
end $$;

create trigger planned_run_moves after update of state on planned_run
  for each row when (
    old.state <> new.state
    and case old.state
      when 'due' then new.state not in ('started', 'skipped', 'missed')
      when 'started' then new.state not in ('skipped')
      else true end
  )
  execute function refuse_move('planned run', 'state');

create trigger instance_moves after update of state on instance
  for each row when (
    old.state <> new.state
    and case old.state
      when 'waiting' then new.state not in ('running', 'stopped', 'failed', 'skipped', 'succeeded', 'frozen')
      when 'frozen' then new.state not in ('waiting', 'stopped', 'skipped', 'succeeded')
      when 'running' then new.state not in ('succeeded', 'failed', 'stopped', 'paused', 'suspended', 'stopping', 'failing')
      when 'paused' then new.state not in ('running', 'succeeded', 'failed', 'stopped', 'suspended', 'stopping', 'failing')
      when 'suspended' then new.state not in ('running', 'stopping', 'failing', 'failed', 'stopped', 'succeeded')
      when 'failing' then new.state not in ('failed', 'stopping')
      when 'stopping' then new.state not in ('stopped', 'succeeded')
      when 'succeeded' then new.state not in ('running')
      when 'failed' then new.state not in ('running', 'succeeded')
      when 'stopped' then new.state not in ('running', 'succeeded')
      else true end
  )
  execute function refuse_move('instance', 'state');

create trigger node_run_moves after update of state on node_run
  for each row when (
    old.state <> new.state
    and case old.state
      when 'waiting' then new.state not in ('ready', 'skipped', 'cancelled', 'succeeded')
      when 'ready' then new.state not in ('running', 'waiting', 'cancelled', 'skipped', 'succeeded')
      when 'running' then new.state not in ('succeeded', 'failed', 'skipped', 'ready', 'waiting', 'cancelled')
      when 'succeeded' then new.state not in ('waiting', 'ready')
      when 'failed' then new.state not in ('waiting', 'ready', 'succeeded', 'skipped')
      when 'skipped' then new.state not in ('waiting', 'ready')
      when 'cancelled' then new.state not in ('waiting', 'ready')
      else true end
  )
  execute function refuse_move('node run', 'state');

create trigger job_moves after update of status on job
  for each row when (
    old.status <> new.status and old.kind = 'real-time' and new.kind = 'real-time'
    and case old.status
      when 'stopped' then new.status not in ('starting')
      when 'starting' then new.status not in ('normal', 'exception', 'stopping', 'stopped')
      when 'normal' then new.status not in ('exception', 'stopping', 'stopped')
      when 'exception' then new.status not in ('normal', 'stopping', 'stopped')
      when 'stopping' then new.status not in ('stopped')
      else true end
  )
  execute function refuse_move('real-time job', 'status');

create trigger backfill_moves after update of state on backfill
  for each row when (
    old.state <> new.state
    and case old.state
      when 'planning' then new.state not in ('running', 'paused', 'cancelling')
      when 'running' then new.state not in ('paused', 'failing', 'cancelling', 'succeeded', 'failed')
      when 'paused' then new.state not in ('planning', 'cancelling')
      when 'failing' then new.state not in ('failed', 'cancelling')
      when 'cancelling' then new.state not in ('cancelled')
      else true end
  )
  execute function refuse_move('backfill', 'state');
