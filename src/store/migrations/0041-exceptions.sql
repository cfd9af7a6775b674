-- A real-time job does not end when a node of it fails: that it has come into exception is told to alarm rules instead.

create function tell_exception() returns trigger language plpgsql as $$
begin
  insert into run_end (audience, project_id, job_id, planned_at, instance_id, state)
  select 'alarms', i.project_id, i.job_id, i.planned_at, i.id, 'exception'
  from instance i
  where i.project_id = new.project_id and i.job_id = new.id and i.ended_at is null and i.alarmed
    and i.id >= history_floor()
  order by i.id desc limit 1;
  return null;
end $$;
create trigger job_in_exception after update of status on job
  for each row when (new.status = 'exception' and old.status <> 'exception')
  execute function tell_exception();
