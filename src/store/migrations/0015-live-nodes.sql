-- Nodes of real-time jobs: what keeps them alive, and the jobs that their triggers are.

alter table node_run
  -- Since when it is up, in the attempt that began before; null for nodes that end by themselves.
  add column up_at timestamptz,
  -- The nodes behind it were told that it is up.
  add column told boolean,
  -- When the present window of restarts began, and the restarts in it.
  add column window_at timestamptz,
  add column window_restarts integer;

-- A node of a real-time job with a trigger is a job of its own kind: its runs are those of a schedule or of events. It
-- is in no list of jobs, and found under no name.
alter table job drop constraint job_kind_check;
alter table job add constraint job_kind_check check (kind in ('batch', 'real-time', 'node'));
alter table job
  add column parent_id bigint,
  add column node text,
  add foreign key (project_id, parent_id) references job on delete cascade,
  add check ((kind = 'node') = (parent_id is not null)),
  add check ((parent_id is null) = (node is null));
create unique index job_of_node on job (project_id, parent_id, node) where parent_id is not null;
