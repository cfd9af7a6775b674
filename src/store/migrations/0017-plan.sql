-- Planning: what a schedule does about clock changes, downtime, too many runs and free days; the ledger's reasons;
-- calendars, frozen stretches, and what an instance waits for.

alter table schedule
  add column missing_hour text not null default 'shift' check (missing_hour in ('shift', 'skip')),
  add column repeated_hour text not null default 'first' check (repeated_hour in ('first', 'last', 'both')),
  add column catch_up text not null default 'none' check (catch_up in ('none', 'last', 'all')),
  add column catch_up_seconds integer not null default 86400 check (catch_up_seconds >= 1),
  add column overlap_policy text not null default 'wait' check (overlap_policy in ('wait', 'skip')),
  -- Of its workspace; it runs on that calendar's workdays alone.
  add column calendar text,
  -- What its periods are, for those who wait for its runs (domain/period.ts).
  add column interval text not null default 'days'
    check (interval in ('minutes', 'hours', 'days', 'weeks', 'months', 'seasons', 'years')),
  -- No time before it is planned, whatever the definition's start says (`start_date` of the start).
  add column not_before timestamptz,
  -- The next instance does not wait for the job's own previous one (`ignore_first_self_dep` of the start).
  add column first_is_free boolean not null default false,
  -- While it is paused its times are passed over, each with a line in the ledger.
  add column paused_by text,
  add column paused_at timestamptz,
  add check ((paused_by is null) = (paused_at is null));

-- A line stays when its job is deleted. `reason` is a word that does not change, `detail` its sentence.
alter table planned_run
  drop constraint if exists planned_run_project_id_job_id_fkey,
  drop constraint planned_run_check,
  add column detail text,
  add constraint planned_run_started check (state <> 'started' or instance_id is not null);
create index planned_run_by_time on planned_run (project_id, planned_at, job_id, origin);

-- What jobs that are no more were called, for their lines in the ledger.
create table deleted_job (
  project_id uuid not null references project on delete cascade,
  id bigint not null,
  workspace_id text not null,
  name text collate "C" not null,
  deleted_at timestamptz not null,
  primary key (project_id, id)
);

alter table job_dependency
  -- 0: runs of the same period; n: of the n periods before it.
  add column periods smallint not null default 0 check (periods >= 0),
  add column fail_policy text not null default 'fail' check (fail_policy in ('fail', 'ignore', 'suspend'));

create table calendar (
  project_id uuid not null,
  workspace_id text not null,
  name text collate "C" not null,
  -- Worked in general, from 1, Sunday, to 7.
  weekdays smallint[] not null check (weekdays <@ array[1, 2, 3, 4, 5, 6, 7]::smallint[]),
  -- Dates that differ from their weekday.
  holidays date[] not null,
  workdays date[] not null,
  updated_at timestamptz not null,
  updated_by text not null,
  primary key (project_id, workspace_id, name),
  foreign key (project_id, workspace_id) references workspace on delete cascade
);

-- Stretches of planned times of a job that are held until somebody unfreezes them; `to_at` is the first that is not.
create table job_freeze (
  project_id uuid not null,
  id bigint generated always as identity,
  job_id bigint not null,
  from_at timestamptz not null,
  to_at timestamptz not null,
  frozen_by text not null,
  frozen_at timestamptz not null,
  primary key (project_id, id),
  foreign key (project_id, job_id) references job on delete cascade,
  check (from_at < to_at)
);
create index job_freeze_of_job on job_freeze (project_id, job_id, from_at);

-- What keeps instances from ever beginning: few, and found without a walk over all that waits.
create index instance_wait_failed on instance_wait (project_id, instance_id) where state = 'failed';

alter table instance
  drop constraint instance_state_check,
  add constraint instance_state_check check (state in
    ('waiting', 'frozen', 'running', 'paused', 'suspended', 'failing', 'stopping', 'succeeded', 'failed', 'stopped',
      'skipped'));

-- As before, and past the partitions in which nothing waits.
create or replace function tell_run_end() returns trigger language plpgsql
set enable_seqscan = off
as $$
declare
  v_floor bigint;
begin
  if new.end_audience is not null and new.ended_at is not null then
    insert into run_end (audience, project_id, job_id, planned_at, instance_id, state)
    values (new.end_audience, new.project_id, new.job_id, new.planned_at, new.id, new.state);
  end if;
  if new.origin not in ('schedule', 'backfill') then
    return null;
  end if;
  v_floor := history_floor();
  if exists (
    select from instance_wait w
    where w.project_id = new.project_id and w.upstream_id = new.job_id and w.planned_at = new.planned_at
      and w.state <> 'met'
  ) or exists (
    select from instance i
    where i.project_id = new.project_id and i.job_id = new.job_id and i.state = 'waiting' and i.id >= v_floor
  ) then
    insert into run_end (audience, project_id, job_id, planned_at, instance_id, state)
    values ('dependants', new.project_id, new.job_id, new.planned_at, new.id, new.state);
  end if;
  return null;
end $$;
