-- Alarms of time: runs that are late or not finished in time, and planned times that were missed.

alter table alarm_rule drop constraint alarm_rule_kind_check;
alter table alarm_rule add constraint alarm_rule_kind_check
  check (kind in ('success', 'failure', 'cancelled', 'unfinished', 'late', 'missed'));
-- How long after its planned time a run may end, or begin.
alter table alarm_rule add column minutes integer check (minutes between 1 and 10080);
alter table alarm_rule add check ((minutes is not null) = (kind in ('unfinished', 'late')));
create index alarm_rule_of_time on alarm_rule (created_at) where minutes is not null;

alter table alarm_record drop constraint alarm_record_kind_check;
alter table alarm_record add constraint alarm_record_kind_check
  check (kind in ('success', 'failure', 'cancelled', 'unfinished', 'late', 'missed'));
-- A time that was missed has no run.
alter table alarm_record alter column instance_id drop not null;

-- Up to when times have been looked at. What comes due between two looks is found by the index below.
create table alarm_watch (
  id integer primary key default 1 check (id = 1),
  seen_to timestamptz not null
);
insert into alarm_watch (seen_to) values (to_timestamp(0));
create index instance_alarmed on instance (project_id, workspace_id, greatest(planned_at, created_at))
  where alarmed and ended_at is null;
