-- What the newer list of jobs shows and chooses by: kept at the job, so that no definition is read for a list.
alter table job
  add column single_node_type text,
  add column dry_run boolean not null default false,
  -- What its nodes refer to, as words of domain/job-use.ts.
  add column uses text[] not null default '{}';

update job j set
  single_node_type = v.document ->> 'singleNodeJobType',
  dry_run = coalesce((v.definition ->> 'dryRun')::boolean, false),
  uses = array(
    select distinct u.use || '/' || (n.node -> 'properties' ->> u.property)
    from jsonb_array_elements(v.definition -> 'nodes') as n (node)
    join (values
      ('connection', 'connectionName'),
      ('connection', 'sourceConnectionName'), ('source', 'sourceConnectionName'),
      ('connection', 'targetConnectionName'), ('sink', 'targetConnectionName')
    ) as u (use, property) on n.node -> 'properties' ->> u.property !~ '^$|[#$][{]'
  )
from job_version v
where v.project_id = j.project_id and v.job_id = j.id and v.version = j.version and j.kind <> 'node';

create index job_status on job (project_id, workspace_id, status, id) where kind <> 'node';
create index job_use on job using gin (list_keys(project_id, workspace_id, uses)) where uses <> '{}';
