-- Nodes that run other jobs: which jobs name which, and which instances were begun for which node.

-- The jobs that nodes of a job's present version run, where no expression gives their names.
create table job_child (
  project_id uuid not null,
  job_id bigint not null,
  child_id bigint not null,
  primary key (project_id, job_id, child_id),
  foreign key (project_id, job_id) references job on delete cascade,
  foreign key (project_id, child_id) references job on delete cascade
);
create index job_child_used on job_child (project_id, child_id);

-- One row for each instance that a node began. The key makes that happen once for each place (the row of a ForEach; 0)
-- of a round: the attempts that go on where one was lost with its server. No foreign keys: history is dropped whole.
create table child_instance (
  project_id uuid not null,
  parent_id bigint not null,
  node_no smallint not null,
  round integer not null,
  place integer not null check (place >= 0),
  instance_id bigint not null,
  -- How it ended for the first time; null while it has not.
  state text check (state in ('succeeded', 'failed', 'stopped', 'skipped')),
  -- The parent ended and was begun anew: nothing goes on with this round.
  closed boolean not null default false,
  primary key (project_id, parent_id, node_no, round, place)
);
create unique index child_instance_of on child_instance (project_id, instance_id);
create index child_instance_unended on child_instance (project_id, parent_id, node_no) where state is null;

create function note_child_ended() returns trigger language plpgsql as $$
begin
  update child_instance set state = new.state
  where project_id = new.project_id and instance_id = new.id and state is null;
  return null;
end $$;
create trigger instance_of_node_ended after update of ended_at on instance
  for each row when (new.ended_at is not null and old.ended_at is null and new.origin = 'sub-job')
  execute function note_child_ended();

create function close_rounds() returns trigger language plpgsql as $$
begin
  update child_instance set closed = true
  where project_id = new.project_id and parent_id = new.id and not closed;
  return null;
end $$;
create trigger instance_of_rounds_begun_anew after update of ended_at on instance
  for each row when (new.ended_at is null and old.ended_at is not null) execute function close_rounds();
