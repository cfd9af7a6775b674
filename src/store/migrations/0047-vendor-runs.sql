-- What a run hands to the engine is kept with it: its settings with the addresses of the data sources that they name. A run
-- of the vendor's own calls has no template: it brings its name, the request that it came with, and its program.
alter table job_execution
  alter column job_template_project_id drop not null,
  alter column job_template_id drop not null,
  -- Null for runs from before, which have no more than their settings.
  add column program json,
  add column name text collate "C",
  add column vendor json,
  -- In the place of `program` where that holds secrets.
  add column program_sealed bytea,
  add check ((job_template_id is null) = (vendor is not null)),
  add check ((job_template_id is null) = (job_template_project_id is null)),
  add check ((vendor is null) = (name is null)),
  add check (program is null or program_sealed is null),
  add check (vendor is null or program is not null or program_sealed is not null);

create index job_execution_vendor on job_execution (project_id, cluster_id, created_at desc, id desc)
  where vendor is not null;
create index job_execution_sealed on job_execution (id) where program_sealed is not null;
