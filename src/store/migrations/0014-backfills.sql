-- Backfills: ranges of planned times that are run after the fact, and their part of the plan ledger.

create table backfill (
  project_id uuid not null,
  id bigint not null generated always as identity,
  workspace_id text not null,
  name text collate "C" not null,
  state text not null check (state in
    ('planning', 'running', 'paused', 'failing', 'cancelling', 'succeeded', 'failed', 'cancelled')),
  starts_at timestamptz not null,
  ends_at timestamptz not null check (ends_at > starts_at),
  -- Of the first job's schedule: its days and windows are read in it.
  zone text not null,
  parallel_max integer not null check (parallel_max >= 1),
  day_granularity boolean not null,
  newest_first boolean not null,
  stop_on_failure boolean not null,
  priority smallint check (priority between 0 and 2),
  parameters jsonb not null,
  run_window jsonb,
  time_filter jsonb,
  -- Of its planned times: how many there are in all, and what has become of them; the rest waits.
  planned integer not null check (planned >= 0),
  running integer not null default 0 check (running >= 0),
  succeeded integer not null default 0 check (succeeded >= 0),
  failed integer not null default 0 check (failed >= 0),
  skipped integer not null default 0 check (skipped >= 0),
  -- When to look at it by itself; null while only the end of an instance or somebody's act changes anything.
  due_at timestamptz,
  created_at timestamptz not null,
  created_by text not null,
  ended_at timestamptz,
  reason text,
  primary key (project_id, id),
  unique (project_id, workspace_id, name),
  foreign key (project_id) references project on delete cascade,
  check (running + succeeded + failed + skipped <= planned),
  check ((ended_at is not null) = (state in ('succeeded', 'failed', 'cancelled')))
);
create index backfill_due on backfill (due_at) where due_at is not null;
create index backfill_listing on backfill (project_id, workspace_id, id);

-- What it runs: the job it was asked for and those that depend on it, each behind all that it waits for.
create table backfill_job (
  project_id uuid not null,
  backfill_id bigint not null,
  place smallint not null,
  job_id bigint not null,
  job_name text not null,
  -- When its schedule fired at the time of asking, and what its periods are.
  rule jsonb not null,
  interval text not null,
  -- Which jobs of the backfill it waits for: place, periods back, what a failure means.
  waits jsonb not null,
  after_own_previous boolean not null,
  -- Times up to this one are in the ledger; null before the first.
  planned_to timestamptz,
  planned_all boolean not null default false,
  primary key (project_id, backfill_id, place),
  foreign key (project_id, backfill_id) references backfill on delete cascade
);
create index backfill_job_of_job on backfill_job (project_id, job_id);

-- The ledger's lines. They are kept apart from those of schedules: a range may be backfilled again, and the times lie
-- anywhere in the past, so what drops old lines by their time must not meet them.
create table backfill_run (
  project_id uuid not null,
  backfill_id bigint not null,
  place smallint not null,
  planned_at timestamptz not null,
  day date not null,
  state text not null check (state in ('due', 'started', 'skipped', 'missed')),
  -- Why it was skipped: a word that does not change, and its sentence.
  reason text,
  detail text,
  instance_id bigint,
  -- How the instance ended; null while it runs.
  outcome text check (outcome in ('succeeded', 'failed')),
  decided_at timestamptz,
  primary key (project_id, backfill_id, place, planned_at),
  foreign key (project_id, backfill_id, place) references backfill_job on delete cascade,
  check ((state = 'started') = (instance_id is not null)),
  check (state not in ('skipped', 'missed') or reason is not null and detail is not null),
  check ((state = 'due') = (decided_at is null)),
  check (outcome is null or state = 'started')
) with (fillfactor = 80);
-- By day first, for those whose unit is the day; of one zone the days follow one another as the times do.
create index backfill_run_due on backfill_run (project_id, backfill_id, place, day, planned_at) where state = 'due';
create index backfill_run_by_time on backfill_run (project_id, planned_at);
create index backfill_run_running on backfill_run (project_id, backfill_id)
  where state = 'started' and outcome is null;
create unique index backfill_run_instance on backfill_run (project_id, instance_id) where instance_id is not null;
