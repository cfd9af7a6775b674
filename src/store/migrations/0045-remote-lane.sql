-- A lane for nodes that follow work on a cluster: many of them cost one server little. Limits hold for them as for others.

alter table node_run drop constraint node_run_lane_check;
alter table node_run add constraint node_run_lane_check
  check (lane in ('inline', 'process', 'stream', 'child', 'remote', 'background'));

-- Whether one of the limits of these node runs has a free slot that a ready one could have.
create or replace function has_free_slot(
  p_now timestamptz, p_floor bigint, p_projects uuid[], p_instances bigint[], p_nodes smallint[]
) returns boolean
language sql stable as $$
  with recursive touched as materialized (
    select * from slot_limit where id in (
      select unnest(n.limits)
      from unnest(p_projects, p_instances, p_nodes) as g (project_id, instance_id, node_no)
      join node_run n using (project_id, instance_id, node_no)
      where n.instance_id >= p_floor
    )
  ), groups (project_id, lane, limits, n) as (
    -- Ready node runs with the same limits stand together: each such set is looked at once, up to a bound.
    select l.project_id, w.lane, '{}'::integer[], 0
    from (select distinct project_id from touched) l
    cross join unnest('{inline,process,stream,remote,background}'::text[]) as w (lane)
    union all
    select g.project_id, g.lane, (
      select r.limits from node_run r
      where r.state = 'ready' and r.lane = g.lane and r.project_id = g.project_id and r.limits > g.limits
        and r.ready_at <= p_now and r.instance_id >= p_floor
      order by r.limits limit 1
    ), g.n + 1
    from groups g where g.limits is not null and g.n < 128
  )
  select exists (
    select from touched l
    where exists (select from groups g where g.project_id = l.project_id and l.id = any (g.limits))
      and l.slots > (
        select count(*) from node_run r
        where r.state = 'running' and r.limits is not null and r.project_id = l.project_id and l.id = any (r.limits)
          and r.instance_id >= p_floor
      )
  )
$$;
