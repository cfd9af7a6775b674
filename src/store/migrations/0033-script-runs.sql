-- Scripts that run by themselves. No foreign key leads to the instance, whose period is dropped whole.
create table script_run (
  project_id uuid not null,
  id uuid not null,
  script_id bigint not null,
  instance_id bigint not null,
  primary key (project_id, id),
  foreign key (project_id, script_id) references script on delete cascade
);
create index script_run_script on script_run (project_id, script_id);
create index script_run_instance on script_run (instance_id);
