-- Lists of instances give exact totals and pages by number at any size, and cost the runs nothing: all rows up to the id
-- in `instance_counted` are counted behind the writers (store/instance-counts.ts), those above are counted by whoever
-- asks. An instance's id, job, name, origin and planned time never change, and ids are given in order, so what is counted
-- once changes only when a row or its job is deleted.
create table instance_counted (
  only_row boolean primary key default true check (only_row),
  through bigint not null
);
insert into instance_counted (through) values (0);

-- Of each run of 1,024 ids (level 1) and of each 1,048,576 (level 2): how many rows a list has there, and between which
-- planned times they lie at most.
create table instance_block (
  project_id uuid not null references project on delete cascade,
  workspace_id text collate "C" not null,
  level smallint not null check (level in (1, 2)),
  block bigint not null,
  origin text not null,
  rows integer not null,
  planned_from timestamptz,
  planned_to timestamptz,
  primary key (project_id, workspace_id, level, block, origin)
) with (fillfactor = 80);

-- The same by job and period of the history (k: 2^30 ids), under each name that the runs bear.
create table instance_tally (
  project_id uuid not null references project on delete cascade,
  workspace_id text collate "C" not null,
  k bigint not null,
  job_id bigint not null,
  job_name text collate "C" not null,
  origin text not null,
  rows integer not null,
  planned_from timestamptz,
  planned_to timestamptz,
  primary key (project_id, workspace_id, job_id, k, job_name, origin)
) with (fillfactor = 80);
create index instance_tally_name_part on instance_tally using gin (name_keys(project_id, workspace_id, job_name));
create index instance_tally_period on instance_tally (k);

-- Counted rows that are gone, until they are taken out of the counts. No foreign key: a project's end makes none wait.
create table instance_count_delta (
  project_id uuid not null,
  workspace_id text not null,
  block bigint not null,
  job_id bigint not null,
  job_name text not null,
  origin text not null,
  rows integer not null
);
create index instance_count_delta_list on instance_count_delta (project_id, workspace_id);

-- Whoever deletes rows holds the line until then: what is counted meanwhile would count them too. A job that is deleted
-- as well takes all its rows out, so those of such a one are passed over here.
create function uncount_instances() returns trigger language plpgsql as $$
declare
  v_through bigint;
begin
  select through into v_through from instance_counted for share;
  insert into instance_count_delta (project_id, workspace_id, block, job_id, job_name, origin, rows)
  select o.project_id, o.workspace_id, o.id >> 10, o.job_id, o.job_name, o.origin, -count(*)
  from old_rows o join job j on j.project_id = o.project_id and j.id = o.job_id
  where o.id <= v_through group by 1, 2, 3, 4, 5, 6;
  return null;
end $$;
create trigger instance_deleted after delete on instance
  referencing old table as old_rows for each statement execute function uncount_instances();

-- Instances of deleted jobs are in no list.
create function uncount_instances_of_jobs() returns trigger language plpgsql as $$
declare
  v_through bigint;
begin
  select through into v_through from instance_counted for update;
  insert into instance_count_delta (project_id, workspace_id, block, job_id, job_name, origin, rows)
  select i.project_id, i.workspace_id, i.id >> 10, i.job_id, i.job_name, i.origin, -count(*)
  from old_rows o join project p on p.id = o.project_id
  join instance i on i.project_id = o.project_id and i.job_id = o.id
  where i.id <= v_through group by 1, 2, 3, 4, 5, 6;
  return null;
end $$;
create trigger job_deleted_with_instances after delete on job
  referencing old table as old_rows for each statement execute function uncount_instances_of_jobs();

-- A period that is dropped takes its counts along.
create or replace function drop_history_partition(p_k bigint) returns void language plpgsql as $$
declare
  v_table text;
begin
  perform from instance_counted for update;
  delete from instance_block where level = 1 and block >= p_k << 20 and block < (p_k + 1) << 20;
  delete from instance_block where level = 2 and block >= p_k << 10 and block < (p_k + 1) << 10;
  delete from instance_tally where k = p_k;
  delete from instance_count_delta where block >= p_k << 20 and block < (p_k + 1) << 20;
  foreach v_table in array array['instance', 'instance_definition', 'node_run', 'attempt'] loop
    execute format('drop table %I', v_table || '_p' || p_k);
  end loop;
  delete from history_partition where k = p_k;
end $$;

-- Lists by status: what succeeded is found by what did not. A run that simply runs and succeeds is never in it.
create index instance_unusual on instance (project_id, workspace_id, planned_at, id) include (job_id, state, origin)
  where state <> 'running' and state <> 'succeeded';
create index instance_marked on instance (project_id, workspace_id, planned_at, id)
  where force_success or ignore_success;
