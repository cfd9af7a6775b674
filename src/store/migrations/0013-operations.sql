-- What people do to instances and their nodes.

alter table instance
  drop constraint instance_state_check,
  add constraint instance_state_check check (state in
    ('waiting', 'running', 'paused', 'suspended', 'failing', 'stopping', 'succeeded', 'failed', 'stopped', 'skipped'));

-- A paused instance keeps its place, and those that wait for its end go on waiting.
drop trigger instance_ended on instance;
create trigger instance_ended after update of state on instance
  for each row when (
    new.state <> old.state and new.state not in ('waiting', 'frozen', 'running', 'paused', 'failing', 'stopping')
    and (new.end_audience is not null or new.origin in ('schedule', 'backfill'))
  )
  execute function tell_run_end();

-- Held: `need` counts one more than the predecessors that have not ended, so the node cannot become ready.
alter table node_run add column held boolean not null default false;
alter table node_run add constraint node_run_held check (not held or state = 'waiting' and need > 0);
-- Its successors go on although it failed (its IGNORE policy) or was skipped (by hand).
alter table node_run add column passed boolean not null default false;
alter table node_run add constraint node_run_passed check (not passed or state in ('failed', 'skipped'));

-- A rerun keeps the last try of a node that begins anew, however that ended.
alter table attempt
  drop constraint attempt_outcome_check,
  add constraint attempt_outcome_check
    check (outcome in ('succeeded', 'failed', 'timed-out', 'skipped', 'cancelled', 'lost', 'stopped', 'exited'));
