-- History in partitions. What belongs to one instance lies in the partition of its id: partition k holds the ids from
-- k * 2^30 on. At the turn of a period the sequence jumps to the next k, so a partition is a period, and a period whose
-- policy has run out is dropped whole (store/history.ts). No foreign key leads into these tables: it would hold a
-- partition back; what hangs on an instance elsewhere is deleted before its partition is.

alter table instance_definition drop constraint instance_definition_project_id_instance_id_fkey;
alter table job_execution drop constraint job_execution_project_id_instance_id_fkey;

-- Puts a partitioned table in the place of `p_table`, which becomes its partition `p_partition`; indexes, checks and
-- triggers are then those of the whole.
create function become_partition(p_table text, p_key text, p_partition text, p_bounds text) returns void
language plpgsql as $$
declare
  v_remade text[];
  v_name text;
begin
  select array_agg(text) into v_remade from (
    select format('alter table %I add constraint %I %s', p_table, conname, pg_get_constraintdef(oid)) as text
    from pg_constraint where conrelid = p_table::regclass and contype in ('p', 'f')
    union all
    select pg_get_indexdef(indexrelid) from pg_index where indrelid = p_table::regclass and not indisprimary
    union all
    select pg_get_triggerdef(oid) from pg_trigger where tgrelid = p_table::regclass and not tgisinternal
  ) parts;
  for v_name in select tgname from pg_trigger where tgrelid = p_table::regclass and not tgisinternal loop
    execute format('drop trigger %I on %I', v_name, p_table);
  end loop;
  for v_name in select relname from pg_class join pg_index on oid = indexrelid where indrelid = p_table::regclass loop
    execute format('alter index %I rename to %I', v_name, replace(v_name, p_table, p_partition));
  end loop;
  execute format('alter table %I rename to %I', p_table, p_partition);
  execute format('create table %I (like %I including defaults including constraints) partition by range (%I)',
    p_table, p_partition, p_key);
  foreach v_name in array v_remade loop
    execute v_name;
  end loop;
  execute format('alter table %I attach partition %I %s', p_table, p_partition, p_bounds);
end $$;

select become_partition(t.name, t.key, t.name || '_p0', 'for values from (0) to (1073741824)')
from (values ('instance', 'id'), ('instance_definition', 'instance_id'), ('node_run', 'instance_id'),
  ('attempt', 'instance_id')) as t (name, key);

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
select become_partition('planned_run', 'planned_at', 'planned_run_rest', 'default');
drop function become_partition;

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
