-- Deleted jobs of nodes: of which real-time job they were, so that their lines in the ledger are found with its id.

alter table deleted_job add column parent_id bigint;
create index deleted_job_of_node on deleted_job (project_id, parent_id) where parent_id is not null;
