-- The database refuses a move that its machine (domain/states.ts) does not have, whoever makes it: the last line of
-- defence. The condition is part of the trigger, so a legal move calls no function. PostgreSQL reads a condition anew for
-- every statement: on the hot tables it is one text with all moves, which costs little to read (written as a `case`, it
-- took 0.2 of the 1.4 ms of a chain's hop).

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
    old.state <> new.state and strpos('
      waiting>running waiting>stopped waiting>failed waiting>skipped waiting>succeeded waiting>frozen
      frozen>waiting frozen>stopped frozen>skipped frozen>succeeded
      running>succeeded running>failed running>stopped running>paused running>suspended running>stopping running>failing
      paused>running paused>succeeded paused>failed paused>stopped paused>suspended paused>stopping paused>failing
      suspended>running suspended>stopping suspended>failing suspended>failed suspended>stopped suspended>succeeded
      failing>failed failing>stopping
      stopping>stopped stopping>succeeded
      succeeded>running
      failed>running failed>succeeded
      stopped>running stopped>succeeded
    ', old.state || '>' || new.state) = 0
  )
  execute function refuse_move('instance', 'state');

create trigger node_run_moves after update of state on node_run
  for each row when (
    old.state <> new.state and strpos('
      waiting>ready waiting>skipped waiting>cancelled waiting>succeeded
      ready>running ready>waiting ready>cancelled ready>skipped ready>succeeded
      running>succeeded running>failed running>skipped running>ready running>waiting running>cancelled
      succeeded>waiting succeeded>ready
      failed>waiting failed>ready failed>succeeded failed>skipped
      skipped>waiting skipped>ready
      cancelled>waiting cancelled>ready
    ', old.state || '>' || new.state) = 0
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
