-- Where nodes of real-time jobs go on with: savepoints and checkpoints of what runs on clusters. A job that is started
-- again goes on from there, whichever of its runs left it.
create table resume_point (
  project_id uuid not null,
  job_id bigint not null,
  -- The node's name.
  node text not null,
  -- As the cluster reads it.
  path text not null,
  taken_at timestamptz not null,
  bytes bigint not null,
  duration_ms integer not null,
  -- Of the cluster's job that left it: checkpoints so far.
  completed integer not null,
  failed integer not null,
  primary key (project_id, job_id, node),
  foreign key (project_id, job_id) references job on delete cascade
);
