-- Jobs that start on events: files that arrived, where each job's source stands, and which runs its events made.

-- Files that arrived in a project's buckets, numbered in the order in which their arrivals were committed.
create table file_arrival (
  project_id uuid not null references project on delete cascade,
  number bigint not null,
  -- obs://bucket/key
  path text collate "C" not null,
  arrived_at timestamptz not null,
  primary key (project_id, number)
);
create index file_arrival_age on file_arrival (arrived_at);

-- The last number of each project. Who records an arrival holds the row until it commits, so that no reader sees a
-- number before a smaller one.
create table file_arrival_count (
  project_id uuid primary key references project on delete cascade,
  last bigint not null
);

create table event_source (
  project_id uuid not null,
  job_id bigint not null,
  type text not null check (type in ('files', 'topic')),
  channel text not null,
  fail_policy text not null check (fail_policy in ('suspend', 'ignore')),
  -- At most so many of its runs have not ended; further events wait where they are.
  concurrent integer not null check (concurrent between 1 and 128),
  -- Values given at the start, for each run.
  parameters jsonb not null default '{}',
  started_by text not null,
  state text not null check (state in ('listening', 'paused', 'stopped')),
  -- Why it is paused.
  reason text,
  -- Where it goes on: {"arrival": 17}, or {"offsets": {"0": "42"}}; null until a topic was reached for the first time.
  position jsonb,
  -- Events behind the position when it was last looked at.
  lag bigint,
  -- When it is to be looked at next, if nothing calls for that before.
  look_at timestamptz not null,
  -- Looks in a row that failed, and why the last one did.
  failures integer not null default 0,
  error text,
  -- The ledger's time of the last event: no two of a job are equal.
  last_event_at timestamptz,
  -- The server that reads the topic.
  held_by uuid,
  primary key (project_id, job_id),
  foreign key (project_id, job_id) references job on delete cascade,
  check ((state = 'paused') = (reason is not null))
);
create index event_source_due on event_source (look_at) where state = 'listening';

-- Runs that events made and whose ends their source has not seen.
create table event_run (
  project_id uuid not null,
  job_id bigint not null,
  instance_id bigint not null,
  primary key (project_id, job_id, instance_id),
  foreign key (project_id, job_id) references event_source on delete cascade
);

-- What an instance on an event is told of it: {"data": …, "files": […]}.
alter table instance add column event jsonb;

alter table planned_run drop constraint planned_run_origin_check;
alter table planned_run add constraint planned_run_origin_check check (origin in ('schedule', 'backfill', 'event'));
