-- What happens in time: schedules, the plan ledger, instances, node runs. Written and read by the engine.

create table server (
  id uuid primary key,
  -- The key of the session advisory lock that the server holds while it lives.
  lock_key bigint not null unique,
  host text not null,
  pid integer not null,
  roles text[] not null,
  started_at timestamptz not null,
  beat_at timestamptz not null
);

create table schedule (
  project_id uuid not null,
  job_id bigint not null,
  expression text not null,
  zone text not null,
  starts_at timestamptz,
  ends_at timestamptz,
  -- At most so many instances of the schedule run at a time; more wait.
  overlap_max integer not null default 5 check (overlap_max >= 1),
  -- An instance waits until the job's own previous one has succeeded (dataarts-factory 4.8).
  after_own_previous boolean not null default false,
  -- Values given at the start, for each instance.
  parameters jsonb not null default '{}',
  started_by text not null,
  -- The next due time; null when nothing will follow.
  next_at timestamptz,
  primary key (project_id, job_id),
  foreign key (project_id, job_id) references job on delete cascade
);
create index schedule_due on schedule (next_at) where next_at is not null;

-- Each planned time ends as a row that says started, skipped (why) or missed (why). The key makes planning idempotent.
create table planned_run (
  project_id uuid not null,
  job_id bigint not null,
  planned_at timestamptz not null,
  origin text not null default 'schedule' check (origin in ('schedule', 'backfill')),
  state text not null check (state in ('due', 'started', 'skipped', 'missed')),
  reason text,
  instance_id bigint,
  decided_at timestamptz,
  primary key (project_id, job_id, planned_at, origin),
  foreign key (project_id, job_id) references job on delete cascade,
  check ((state = 'started') = (instance_id is not null)),
  check (state not in ('skipped', 'missed') or reason is not null),
  check ((state = 'due') = (decided_at is null))
);

create sequence instance_id;
create table instance (
  project_id uuid not null,
  id bigint not null default nextval('instance_id'),
  workspace_id text not null,
  -- Null for a job execution of the Sahara face, whose definition stands in instance_definition.
  job_id bigint,
  job_version integer,
  -- The job's name when the instance was made; the node's name is added for a real-time node's (dataarts-factory 4.7).
  job_name text collate "C" not null,
  origin text not null
    check (origin in ('schedule', 'manual', 'backfill', 'test', 'event', 'once', 'sub-job', 'stream', 'job-execution')),
  state text not null check (state in
    ('waiting', 'running', 'failing', 'stopping', 'suspended', 'succeeded', 'failed', 'stopped', 'skipped')),
  -- Node runs without successors that have not ended. The row is written when one of them ends, not at each node.
  left_sinks integer not null check (left_sinks >= 0),
  node_count integer not null,
  priority smallint not null default 0 check (priority between 0 and 2),
  parameters jsonb not null default '{}',
  planned_at timestamptz not null,
  created_at timestamptz not null,
  created_by text not null,
  started_at timestamptz,
  ended_at timestamptz,
  force_success boolean not null default false,
  ignore_success boolean not null default false,
  -- A node failed under FAIL_CHILD: other branches go on, and the instance will end as failed.
  failed_branch boolean not null default false,
  error_message text,
  primary key (project_id, id),
  check ((ended_at is not null) = (state in ('succeeded', 'failed', 'stopped', 'skipped')))
) with (fillfactor = 80);
create index instance_of_job on instance (project_id, job_id, id);
create index instance_listing on instance (project_id, workspace_id, id);
create index instance_unended on instance (project_id, job_id, planned_at) where ended_at is null;
create index instance_waiting on instance (project_id, job_id, planned_at, id) where state = 'waiting';

create table instance_definition (
  project_id uuid not null,
  instance_id bigint not null,
  definition jsonb not null,
  primary key (project_id, instance_id),
  foreign key (project_id, instance_id) references instance on delete cascade
);

-- One row for each node of an instance, with the present attempt in it. Narrow, because the engine's speed is its size:
-- the node's name, type and policies stand in the definition at place node_no (topological order). No foreign key: rows
-- are made in the transaction that makes their instance, and history is dropped whole.
create table node_run (
  project_id uuid not null,
  instance_id bigint not null,
  node_no smallint not null check (node_no >= 0),
  state text not null check (state in ('waiting', 'ready', 'running', 'succeeded', 'failed', 'skipped', 'cancelled')),
  lane text not null check (lane in ('inline', 'process', 'stream')),
  -- Predecessors that have not ended.
  need smallint not null check (need >= 0),
  -- Whether a predecessor ended otherwise than skipped: a node all of whose predecessors were skipped is skipped.
  live boolean not null default false,
  successors smallint[] not null default '{}',
  priority smallint not null default 0,
  -- Counts every try, reruns included, so that logs never meet; 0 before the first.
  attempt integer not null default 0,
  -- Tries since the instance (re)started that used up a retry, and tries lost with their server, which do not.
  tries smallint not null default 0,
  losses smallint not null default 0,
  ready_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  server_id uuid,
  -- Random for each call that claims; only its holder can settle the attempt.
  fence bigint,
  exit_code integer,
  message text,
  output text,
  primary key (project_id, instance_id, node_no),
  check ((state = 'running') = (fence is not null and server_id is not null)),
  check ((state in ('succeeded', 'failed', 'skipped', 'cancelled')) = (ended_at is not null)),
  check (state <> 'ready' or ready_at is not null)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
create index node_run_ready on node_run (lane, priority, ready_at, project_id, instance_id, node_no) where state = 'ready';
create index node_run_running on node_run (server_id) where state = 'running';

-- Tries that did not settle their node: why it was tried again.
create table attempt (
  project_id uuid not null,
  instance_id bigint not null,
  node_no smallint not null,
  attempt integer not null,
  outcome text not null check (outcome in ('failed', 'timed-out', 'lost', 'stopped', 'exited')),
  started_at timestamptz not null,
  ended_at timestamptz not null,
  exit_code integer,
  message text,
  primary key (project_id, instance_id, node_no, attempt)
);
