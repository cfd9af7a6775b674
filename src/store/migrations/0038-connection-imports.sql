-- Connections come in by tasks too, and bring secrets, which lie sealed until the task has ended.
alter table system_task
  drop constraint system_task_kind_check,
  add check (kind in ('import-jobs', 'import-connections')),
  add column secrets_sealed bytea,
  add check (secrets_sealed is null or ended_at is null);
