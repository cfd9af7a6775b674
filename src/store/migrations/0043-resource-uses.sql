-- Jobs say which resources their nodes use, as words of domain/job-use.ts beside those for connections.
update job j set
  uses = j.uses || array(
    select distinct 'resource/' || btrim(entry)
    from jsonb_array_elements(v.definition -> 'nodes') as n (node)
    cross join lateral (
      select n.node -> 'properties' ->> 'resourcePath'
      union all
      select regexp_split_to_table(n.node -> 'properties' ->> 'files', '[,\n]')
    ) as named (entry)
    where btrim(entry) !~ '^$|[#$][{]'
  )
from job_version v
where v.project_id = j.project_id and v.job_id = j.id and v.version = j.version and j.kind <> 'node'
  and v.definition::text ~ '"(resourcePath|files)":';
