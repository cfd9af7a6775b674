-- How long instances may wait and run.

-- How long it may run, in seconds; null: as long as it takes. Whether the time in which it waited counts.
alter table instance add column timeout_seconds integer check (timeout_seconds > 0);
alter table instance add column wait_counts boolean not null default true;
-- When the time is over in its present state; null: never. What it says of an ended instance means nothing.
alter table instance add column times_out_at timestamptz;
create index instance_times_out on instance (times_out_at) where times_out_at is not null and ended_at is null;
