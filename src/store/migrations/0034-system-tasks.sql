-- Tasks that go on behind the answer of the call that asked for them: which there are, whose they are just now, and a line
-- for each object that one writes.

create table system_task (
  project_id uuid not null references project on delete cascade,
  id uuid not null,
  workspace_id text not null,
  kind text not null check (kind = 'import-jobs'),
  name text not null,
  -- What was asked for, as the work of its kind reads it.
  request jsonb not null,
  state text not null default 'running' check (state in ('running', 'successful', 'failed', 'warning')),
  message text,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  ended_at timestamptz,
  -- A random number of the claim that carries it out, until when that counts (the database's clock), and which try it is.
  fence bigint,
  lease_until timestamptz,
  tries smallint not null default 0,
  primary key (project_id, id),
  check ((ended_at is not null) = (state in ('successful', 'failed', 'warning')))
);
create index system_task_open on system_task (created_at, id) where state = 'running';
create index system_task_open_of_project on system_task (project_id) where state = 'running';
create index system_task_ended on system_task (ended_at) where ended_at is not null;

create table system_subtask (
  project_id uuid not null,
  task_id uuid not null,
  no integer not null,
  id uuid not null default gen_random_uuid(),
  kind text not null,
  name text not null,
  state text not null default 'running' check (state in ('running', 'successful', 'failed')),
  message text,
  updated_at timestamptz not null,
  primary key (project_id, task_id, no),
  foreign key (project_id, task_id) references system_task on delete cascade
);

create trigger system_task_moves after update of state on system_task
  for each row when (old.state <> new.state and old.state <> 'running')
  execute function refuse_move('task', 'state');

create trigger system_subtask_moves after update of state on system_subtask
  for each row when (old.state <> new.state and old.state <> 'running')
  execute function refuse_move('line of a task', 'state');
