-- Searches for a text read what may hold it, and nothing else: marks say what cannot (domain/text-marks.ts). Null: nobody has
-- made them yet, and the text is read.
alter table job add column marks varbit;
alter table script add column marks varbit;

-- What follows a job's save costs nothing where nothing follows: most saves change neither the job's kind nor a limit.

drop trigger job_updated on job;
drop function count_job_kinds();
create function count_job_kind() returns trigger language plpgsql as $$
begin
  insert into list_block_delta (project_id, list, scope, block, rows)
  values
    (old.project_id, 'job', old.workspace_id || '/' || old.kind, old.id >> 10, -1),
    (new.project_id, 'job', new.workspace_id || '/' || new.kind, new.id >> 10, 1);
  return null;
end $$;
create trigger job_kind_changed after update of kind on job
  for each row when (old.kind <> new.kind) execute function count_job_kind();

-- The first version of a job has no limit before it.
drop trigger job_version_limits_job on job_version;
create trigger job_version_limits_job after insert on job_version
  for each row when (new.version > 1 or new.definition -> 'settings' -> 'slots' is not null)
  execute function limit_job();
