-- Schedules in the order in which they are due, told apart where many are due at one time: whoever looks at them ahead
-- goes on behind the last that it has seen.
drop index schedule_due;
create index schedule_due on schedule (next_at, project_id, job_id) where next_at is not null;
