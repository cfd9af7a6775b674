-- The engine's one hot statement, and what follows in the catalog when an instance ends.

-- One round trip, one commit: ends node runs that succeeded, passes that on to their successors and instances, and
-- claims further node runs for this server. Only plain successes of plain instances (running, no failed branch) are
-- settled here; everything else goes through the model (domain/instance.ts) under locks on the whole instance.
--
-- Locks are taken in one order by all who change node runs: node runs by key, then instances by key. Whoever changes an
-- instance's state holds the locks of all its node runs, so the state that is read here under some of them holds.
-- Each statement of the function sees what was committed before it began (read committed).
--
-- Gives rows of four kinds: `claimed` (a node run that is now this server's), `ended` (an instance), `late` (a result
-- whose attempt was no longer this one: nothing was written), `slow` (a result that needs the model; nothing was
-- written). `late` and `slow` carry the result's place in the arrays, from 1.
create function step(
  p_now timestamptz,
  p_server uuid,
  p_fence bigint,
  p_projects uuid[],
  p_instances bigint[],
  p_nodes smallint[],
  p_fences bigint[],
  p_exit_codes integer[],
  p_messages text[],
  p_outputs text[],
  p_lanes text[],
  p_wants integer[]
) returns table (
  kind text, r_project uuid, r_instance bigint, r_node smallint, r_attempt integer, r_tries smallint, r_losses smallint,
  r_place integer, r_ready integer
)
language plpgsql
-- The tables grow from nothing to millions of rows under one cached plan: it must be the one with the indexes.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_places bigint[];
  v_projects uuid[];
  v_instances bigint[];
  v_sinks integer[];
  v_ready integer := 0;
begin
  if cardinality(p_nodes) > 0 then
    perform from (
      select g.project_id, g.instance_id, g.node_no
      from unnest(p_projects, p_instances, p_nodes) as g (project_id, instance_id, node_no)
      union
      select g.project_id, g.instance_id, s.node_no
      from unnest(p_projects, p_instances, p_nodes) as g (project_id, instance_id, node_no)
      join node_run n using (project_id, instance_id, node_no)
      cross join lateral unnest(n.successors) as s (node_no)
    ) touched
    join node_run n using (project_id, instance_id, node_no)
    order by n.project_id, n.instance_id, n.node_no
    for update of n;

    with finished as (
      update node_run n
      set state = 'succeeded', ended_at = p_now, fence = null,
        exit_code = g.exit_code, message = g.message, output = g.output
      from unnest(p_projects, p_instances, p_nodes, p_fences, p_exit_codes, p_messages, p_outputs) with ordinality
        as g (project_id, instance_id, node_no, fence, exit_code, message, output, place)
      join instance i on i.project_id = g.project_id and i.id = g.instance_id
      where n.project_id = g.project_id and n.instance_id = g.instance_id and n.node_no = g.node_no
        and n.state = 'running' and n.fence = g.fence
        and i.state = 'running' and not i.failed_branch
      returning n.project_id, n.instance_id, n.successors, g.place
    ), passed as (
      select f.project_id, f.instance_id, s.node_no, count(*)::smallint as ended
      from finished f cross join lateral unnest(f.successors) as s (node_no)
      group by 1, 2, 3
    ), advanced as (
      update node_run n
      set need = n.need - p.ended, live = true,
        state = case when n.state = 'waiting' and n.need = p.ended then 'ready' else n.state end,
        ready_at = case when n.state = 'waiting' and n.need = p.ended then p_now else n.ready_at end
      from passed p
      where n.project_id = p.project_id and n.instance_id = p.instance_id and n.node_no = p.node_no
      returning n.state
    ), sinks as (
      select f.project_id, f.instance_id, count(*)::integer as ended
      from finished f where f.successors = '{}' group by 1, 2
    )
    select
      (select array_agg(f.place) from finished f),
      (select array_agg(s.project_id order by s.project_id, s.instance_id) from sinks s),
      (select array_agg(s.instance_id order by s.project_id, s.instance_id) from sinks s),
      (select array_agg(s.ended order by s.project_id, s.instance_id) from sinks s),
      (select count(*) from advanced a where a.state = 'ready')
    into v_places, v_projects, v_instances, v_sinks, v_ready;

    if v_instances is not null then
      perform from unnest(v_projects, v_instances) as g (project_id, id)
      join instance i using (project_id, id)
      order by i.project_id, i.id
      for update of i;

      return query
      with closed as (
        update instance i
        set left_sinks = i.left_sinks - g.ended,
          state = case when i.left_sinks = g.ended then 'succeeded' else i.state end,
          ended_at = case when i.left_sinks = g.ended then p_now end
        from unnest(v_projects, v_instances, v_sinks) as g (project_id, id, ended)
        where i.project_id = g.project_id and i.id = g.id
        returning i.project_id, i.id, i.state
      )
      select 'ended', c.project_id, c.id, null::smallint, null::integer, null::smallint, null::smallint, null::integer,
        v_ready
      from closed c where c.state = 'succeeded';
    end if;

    if coalesce(cardinality(v_places), 0) < cardinality(p_nodes) then
      return query
      select case when n.state = 'running' and n.fence = g.fence then 'slow' else 'late' end,
        g.project_id, g.instance_id, g.node_no, null::integer, null::smallint, null::smallint, g.place::integer, v_ready
      from unnest(p_projects, p_instances, p_nodes, p_fences) with ordinality
        as g (project_id, instance_id, node_no, fence, place)
      left join node_run n using (project_id, instance_id, node_no)
      where v_places is null or g.place <> all (v_places);
    end if;
  else
    -- Only claims: one that is lost with the database is made again.
    perform set_config('synchronous_commit', 'off', true);
  end if;

  return query
  with chosen as materialized (
    select n.project_id, n.instance_id, n.node_no
    from unnest(p_lanes, p_wants) as w (lane, want)
    cross join lateral (
      select r.project_id, r.instance_id, r.node_no
      from node_run r
      where r.state = 'ready' and r.lane = w.lane and r.ready_at <= p_now
      order by r.priority, r.ready_at, r.project_id, r.instance_id, r.node_no
      limit w.want
      for update skip locked
    ) n
  ), claimed as (
    update node_run n
    set state = 'running', server_id = p_server, fence = p_fence, attempt = n.attempt + 1, started_at = p_now,
      exit_code = null, message = null, output = null
    from chosen c
    where n.project_id = c.project_id and n.instance_id = c.instance_id and n.node_no = c.node_no
    returning n.project_id, n.instance_id, n.node_no, n.attempt, n.tries, n.losses
  )
  select 'claimed', c.project_id, c.instance_id, c.node_no, c.attempt, c.tries, c.losses, null::integer, v_ready
  from claimed c;
end $$;

-- A run-once or real-time job is in operation as long as its instance: its status follows in the same commit. A
-- run-once job that was started with a schedule since then stays as it is.
create function stop_job_of_instance() returns trigger language plpgsql as $$
begin
  update job set status = 'stopped'
  where project_id = new.project_id and id = new.job_id and status <> 'stopped'
    and not exists (
      select from schedule s where s.project_id = new.project_id and s.job_id = new.job_id
    )
    and not exists (
      select from instance i
      where i.project_id = new.project_id and i.job_id = new.job_id and i.ended_at is null
        and i.origin in ('once', 'stream')
    );
  return null;
end $$;
create trigger instance_of_job_in_operation_ended after update of ended_at on instance
  for each row when (new.ended_at is not null and old.ended_at is null and new.origin in ('once', 'stream'))
  execute function stop_job_of_instance();
