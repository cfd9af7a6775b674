-- History in partitions. What belongs to one instance lies in the partition of its id: partition k holds the ids from
-- k * 2^30 on. At the turn of a period the sequence jumps to the next k, so a partition is a period, and a period whose
-- policy has run out is dropped whole (store/history.ts). No foreign key leads into these tables: it would hold a
-- partition back; what hangs on an instance elsewhere is deleted before its partition is.

alter table instance_definition drop constraint instance_definition_project_id_instance_id_fkey;
alter table job_execution drop constraint job_execution_project_id_instance_id_fkey;
drop trigger instance_of_job_in_operation_ended on instance;

alter table instance rename to instance_p0;
alter index instance_pkey rename to instance_p0_pkey;
alter index instance_of_job rename to instance_p0_of_job;
alter index instance_listing rename to instance_p0_listing;
alter index instance_unended rename to instance_p0_unended;
alter index instance_waiting rename to instance_p0_waiting;
create table instance (
  like instance_p0 including defaults including constraints,
  primary key (project_id, id)
) partition by range (id);
create index instance_of_job on instance (project_id, job_id, id);
create index instance_listing on instance (project_id, workspace_id, id);
create index instance_unended on instance (project_id, job_id, planned_at) where ended_at is null;
create index instance_waiting on instance (project_id, job_id, planned_at, id) where state = 'waiting';
alter table instance attach partition instance_p0 for values from (0) to (1073741824);
create trigger instance_of_job_in_operation_ended after update of ended_at on instance
  for each row when (new.ended_at is not null and old.ended_at is null and new.origin in ('once', 'stream'))
  execute function stop_job_of_instance();

alter table instance_definition rename to instance_definition_p0;
alter index instance_definition_pkey rename to instance_definition_p0_pkey;
create table instance_definition (
  like instance_definition_p0 including defaults including constraints,
  primary key (project_id, instance_id)
) partition by range (instance_id);
alter table instance_definition attach partition instance_definition_p0 for values from (0) to (1073741824);

alter table node_run rename to node_run_p0;
alter index node_run_pkey rename to node_run_p0_pkey;
alter index node_run_ready rename to node_run_p0_ready;
alter index node_run_running rename to node_run_p0_running;
create table node_run (
  like node_run_p0 including defaults including constraints,
  primary key (project_id, instance_id, node_no)
) partition by range (instance_id);
create index node_run_ready on node_run (lane, priority, ready_at, project_id, instance_id, node_no) where state = 'ready';
create index node_run_running on node_run (server_id) where state = 'running';
alter table node_run attach partition node_run_p0 for values from (0) to (1073741824);

alter table attempt rename to attempt_p0;
alter index attempt_pkey rename to attempt_p0_pkey;
create table attempt (
  like attempt_p0 including defaults including constraints,
  primary key (project_id, instance_id, node_no, attempt)
) partition by range (instance_id);
alter table attempt attach partition attempt_p0 for values from (0) to (1073741824);

-- The periods of the history: a partition of the four tables is there as long as its row is here.
create table history_partition (
  k bigint primary key check (k between 0 and (1 << 22)),
  -- When its ids began to be given; null: not yet.
  began_at timestamptz,
  -- Its period is over and all of its instances have ended.
  closed boolean not null default false
);
create index history_partition_open on history_partition (k) where not closed;

-- All instances that have not ended, and all their node runs, have ids from here on: a statement with this as a
-- parameter does not even open the partitions below. (Of 60 partitions, the step of a chain took 2.0 ms without it and
-- 0.7 with it.)
create function history_floor() returns bigint language sql stable
return (select coalesce(min(k), 0) << 30 from history_partition where not closed);

-- An ended instance that is begun anew opens its partition in the same commit; who closes holds the row.
create function open_history() returns trigger language plpgsql as $$
begin
  perform from history_partition where k = new.id >> 30 for share;
  update history_partition set closed = false where k = new.id >> 30 and closed;
  return null;
end $$;
create trigger instance_begun_anew after update of ended_at on instance
  for each row when (new.ended_at is null and old.ended_at is not null) execute function open_history();

-- Makes partition k of the four tables. Attached rather than made in place: that waits for no statement, and none for it.
create function add_history_partition(p_k bigint) returns void language plpgsql as $$
declare
  v_table text;
  v_options text;
begin
  for v_table, v_options in values
    ('instance', 'with (fillfactor = 80)'),
    ('instance_definition', ''),
    ('node_run',
      'with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000)'),
    ('attempt', '')
  loop
    execute format('create table %I (like %I including defaults including constraints including generated) %s',
      v_table || '_p' || p_k, v_table, v_options);
    execute format('alter table %I attach partition %I for values from (%s) to (%s)',
      v_table, v_table || '_p' || p_k, p_k << 30, (p_k + 1) << 30);
  end loop;
  insert into history_partition (k) values (p_k);
end $$;
insert into history_partition (k) values (0);
select add_history_partition(1);

-- The ledger lies in months of the planned times. Times for which there is no month (long past, or far ahead) lie in
-- the default partition.
alter table planned_run rename to planned_run_rest;
alter index planned_run_pkey rename to planned_run_rest_pkey;
create table planned_run (
  like planned_run_rest including defaults including constraints,
  primary key (project_id, job_id, planned_at, origin),
  foreign key (project_id, job_id) references job on delete cascade
) partition by range (planned_at);
alter table planned_run attach partition planned_run_rest default;

-- Makes the partition of the month that begins at p_from (UTC), with what the default partition has of it.
create function add_ledger_month(p_from timestamptz) returns void language plpgsql as $$
declare
  v_name text := 'planned_run_' || to_char(p_from at time zone 'UTC', 'YYYYMM');
  v_to timestamptz := (p_from at time zone 'UTC' + interval '1 month') at time zone 'UTC';
begin
  execute format('create table %I (like planned_run including defaults including constraints including generated)',
    v_name);
  execute format('with moved as (delete from planned_run_rest where planned_at >= %L and planned_at < %L returning *)
    insert into %I select * from moved', p_from, v_to, v_name);
  execute format('alter table planned_run attach partition %I for values from (%L) to (%L)', v_name, p_from, v_to);
end $$;
