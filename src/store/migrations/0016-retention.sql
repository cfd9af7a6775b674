-- How long history is kept, and what is left of projects that are gone.

create table retention_policy (
  -- Null: of the installation.
  project_id uuid references project on delete cascade,
  -- Days after the end; 0: for ever; null: as the installation has it, or else the product.
  history integer check (history >= 0),
  logs integer check (logs >= 0),
  ledger integer check (ledger >= 0),
  acts integer check (acts >= 0),
  unique nulls not distinct (project_id)
);

-- Projects whose instances and stored files have yet to go: neither goes with the project's own row.
create table deleted_project (project_id uuid primary key);
create function remember_deleted_project() returns trigger language plpgsql as $$
begin
  insert into deleted_project (project_id) values (old.id) on conflict do nothing;
  return null;
end $$;
create trigger project_deleted after delete on project for each row execute function remember_deleted_project();
insert into deleted_project
select distinct project_id from instance where project_id not in (select id from project);

-- Ends partition k with all that is in it; the caller has seen to it that nothing there is wanted.
create function drop_history_partition(p_k bigint) returns void language plpgsql as $$
declare
  v_table text;
begin
  foreach v_table in array array['instance', 'instance_definition', 'node_run', 'attempt'] loop
    execute format('drop table %I', v_table || '_p' || p_k);
  end loop;
  delete from history_partition where k = p_k;
end $$;
