-- What nodes have handed over to clusters: stored before it is there, so that who takes a node over goes on with it and
-- nothing runs on without its node.

-- One row for each round of a node's attempts, as those of child_instance. No foreign keys: history is dropped whole.
create table submission (
  project_id uuid not null,
  instance_id bigint not null,
  node_no smallint not null,
  round integer not null,
  -- Random: what the work is known by on the cluster is made of it.
  key uuid not null unique,
  cluster_id uuid not null,
  service text not null,
  -- What the service's adapter reserved, as it reads it again.
  handle jsonb,
  -- The cluster's own name for the work.
  engine_id text,
  state text not null default 'opened' check (state in ('opened', 'reserved', 'submitted', 'ended', 'abandoned')),
  -- How far each of its logs has been read, in bytes.
  log_offsets jsonb not null default '{}',
  -- The instance ended and was begun anew: nothing goes on with this round.
  closed boolean not null default false,
  begun_at timestamptz not null,
  submitted_at timestamptz,
  ended_at timestamptz,
  primary key (project_id, instance_id, node_no, round),
  check (state not in ('reserved', 'submitted') or handle is not null),
  check ((ended_at is not null) = (state in ('ended', 'abandoned')))
);
create index submission_unended on submission (begun_at) where ended_at is null;
create index submission_of_cluster on submission (cluster_id) where ended_at is null;

create trigger submission_moves after update of state on submission
  for each row when (
    old.state <> new.state
    and case old.state
      when 'opened' then new.state not in ('reserved', 'ended', 'abandoned')
      when 'reserved' then new.state not in ('submitted', 'ended', 'abandoned')
      when 'submitted' then new.state not in ('ended', 'abandoned')
      when 'ended' then new.state not in ('reserved', 'submitted')
      else true end
  )
  execute function refuse_move('submission', 'state');

create or replace function close_rounds() returns trigger language plpgsql as $$
begin
  update child_instance set closed = true
  where project_id = new.project_id and parent_id = new.id and not closed;
  update submission set closed = true
  where project_id = new.project_id and instance_id = new.id and not closed;
  return null;
end $$;
