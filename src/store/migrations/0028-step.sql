-- The step again: times that follow one another whichever server's clock they are of, claims for servers in the register
-- alone, and word of slots that it leaves to others.

-- When the last of those predecessors ended that have ended; null for none. Two of them may be ended by calls of two
-- servers that overlap, and the call that takes effect second may bear the earlier time: what follows is not to begin before
-- either.
alter table node_run add column after_at timestamptz;

-- Whether one of the limits of these node runs has a free slot that a ready one could have.
create function has_free_slot(
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
    cross join unnest('{inline,process,stream,background}'::text[]) as w (lane)
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

-- One round trip, one commit: ends node runs that succeeded, passes that on to their successors and instances, and
-- claims further node runs for this server. Only plain successes of plain instances (running, no failed branch) are
-- settled here; everything else goes through the model (domain/progress.ts) under locks on the whole instance.
--
-- Locks are taken in one order by all who change node runs: node runs by key, then instances by key. Whoever changes an
-- instance's state holds the locks of all its node runs, so the state that is read here under some of them holds.
-- Each statement of the function sees what was committed before it began (read committed).
--
-- A server that is not in the register claims nothing. The lock keeps its rescue away until what it claims is
-- committed; while the rescue is under way, nothing is claimed for it (store/servers.ts).
--
-- Gives rows of these kinds: `claimed` (a node run that is now this server's), `more` and `busy` (of `claim_ready`),
-- `ended` (an instance), `freed` (slots of limits were left to others who wait for them), `late` (a result whose attempt
-- was no longer this one: nothing was written), `slow` (a result that needs the model; nothing was written). `late` and
-- `slow` carry the result's place in the arrays, from 1.
create or replace function step(
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
  p_wants integer[],
  p_used_lanes text[],
  p_used_projects uuid[],
  p_used double precision[]
) returns table (
  kind text, r_project uuid, r_instance bigint, r_node smallint, r_attempt integer, r_tries smallint, r_losses smallint,
  r_place integer, r_ready integer, r_lane text
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
  -- Nothing that goes on lies below.
  v_floor bigint;
  v_registered boolean;
  -- No earlier than what this call passes on: the calls of two servers overlap, each with a time of its own.
  v_now timestamptz := p_now;
  v_limited boolean;
  v_places bigint[];
  v_projects uuid[];
  v_instances bigint[];
  v_sinks integer[];
  v_ready integer := 0;
begin
  v_registered := cardinality(p_lanes) > 0
    and pg_try_advisory_xact_lock_shared(hashtext('azalai claims'), hashtext(p_server::text));
  select history_floor(), v_registered and exists (select from server s where s.id = p_server)
  into v_floor, v_registered;

  if cardinality(p_nodes) > 0 then
    select greatest(p_now, max(l.started_at), max(l.after_at)) into v_now
    from (
      select n.started_at, n.after_at
      from (
        select g.project_id, g.instance_id, g.node_no
        from unnest(p_projects, p_instances, p_nodes) as g (project_id, instance_id, node_no)
        union
        select g.project_id, g.instance_id, s.node_no
        from unnest(p_projects, p_instances, p_nodes) as g (project_id, instance_id, node_no)
        join node_run n using (project_id, instance_id, node_no)
        cross join lateral unnest(n.successors) as s (node_no)
        where n.instance_id >= v_floor
      ) touched
      join node_run n using (project_id, instance_id, node_no)
      where n.instance_id >= v_floor
      order by n.project_id, n.instance_id, n.node_no
      for update of n
    ) l;

    with finished as (
      update node_run n
      set state = 'succeeded', ended_at = v_now, fence = null,
        exit_code = g.exit_code, message = g.message, output = g.output
      from unnest(p_projects, p_instances, p_nodes, p_fences, p_exit_codes, p_messages, p_outputs) with ordinality
        as g (project_id, instance_id, node_no, fence, exit_code, message, output, place)
      join instance i on i.project_id = g.project_id and i.id = g.instance_id
      where n.project_id = g.project_id and n.instance_id = g.instance_id and n.node_no = g.node_no
        -- Who has a fence runs. (With the state named, a plan made while the tables were small would compare each result
        -- with all that runs.)
        and n.fence = g.fence
        and i.state = 'running' and not i.failed_branch
        and n.instance_id >= v_floor and i.id >= v_floor
      returning n.project_id, n.instance_id, n.successors, n.limits, g.place
    ), passed as (
      select f.project_id, f.instance_id, s.node_no, count(*)::smallint as ended
      from finished f cross join lateral unnest(f.successors) as s (node_no)
      group by 1, 2, 3
    ), advanced as (
      update node_run n
      set need = n.need - p.ended, live = true, after_at = v_now,
        state = case when n.state = 'waiting' and n.need = p.ended then 'ready' else n.state end,
        ready_at = case when n.state = 'waiting' and n.need = p.ended then v_now else n.ready_at end
      from passed p
      where n.project_id = p.project_id and n.instance_id = p.instance_id and n.node_no = p.node_no
        and n.instance_id >= v_floor
      returning n.state
    ), sinks as (
      select f.project_id, f.instance_id, count(*)::integer as ended
      from finished f where f.successors = '{}' group by 1, 2
    )
    select f.places, f.limited, s.projects, s.instances, s.sinks, a.ready
    into v_places, v_limited, v_projects, v_instances, v_sinks, v_ready
    from (select array_agg(f.place) as places, bool_or(f.limits is not null) as limited from finished f) f
    cross join (
      select array_agg(s.project_id) as projects, array_agg(s.instance_id) as instances, array_agg(s.ended) as sinks
      from sinks s
    ) s
    cross join (select count(*) as ready from advanced a where a.state = 'ready') a;

    if v_instances is not null then
      perform from unnest(v_projects, v_instances) as g (project_id, id)
      join instance i using (project_id, id)
      where i.id >= v_floor
      order by i.project_id, i.id
      for update of i;

      return query
      with closed as (
        update instance i
        set left_sinks = i.left_sinks - g.ended,
          state = case when i.left_sinks = g.ended then 'succeeded' else i.state end,
          ended_at = case when i.left_sinks = g.ended then greatest(v_now, (
            select max(n.ended_at) from node_run n where n.project_id = i.project_id and n.instance_id = i.id
          )) end
        from unnest(v_projects, v_instances, v_sinks) as g (project_id, id, ended)
        where i.project_id = g.project_id and i.id = g.id and i.id >= v_floor
        returning i.project_id, i.id, i.state
      )
      select 'ended', c.project_id, c.id, null::smallint, null::integer, null::smallint, null::smallint, null::integer,
        v_ready, null
      from closed c where c.state = 'succeeded';
    end if;

    if coalesce(cardinality(v_places), 0) < cardinality(p_nodes) then
      return query
      select case when n.state = 'running' and n.fence = g.fence then 'slow' else 'late' end,
        g.project_id, g.instance_id, g.node_no, null::integer, null::smallint, null::smallint, g.place::integer,
        v_ready, null
      from unnest(p_projects, p_instances, p_nodes, p_fences) with ordinality
        as g (project_id, instance_id, node_no, fence, place)
      left join node_run n on n.project_id = g.project_id and n.instance_id = g.instance_id and n.node_no = g.node_no
        and n.instance_id >= v_floor
      where v_places is null or g.place <> all (v_places);
    end if;
  else
    -- Only claims: one that is lost with the database is made again.
    perform set_config('synchronous_commit', 'off', true);
  end if;

  if v_registered then
    return query
    select case when c.c_instance is null then c.c_lane else 'claimed' end, c.c_project, c.c_instance, c.c_node,
      c.c_attempt, c.c_tries, c.c_losses, null::integer, v_ready, c.c_lane
    from claim_ready(v_now, v_floor, p_server, p_fence, p_lanes, p_wants, p_used_lanes, p_used_projects, p_used) c;
  end if;
  if v_limited and has_free_slot(v_now, v_floor, p_projects, p_instances, p_nodes) then
    return query
    select 'freed', null::uuid, null::bigint, null::smallint, null::integer, null::smallint, null::smallint, null::integer,
      v_ready, null;
  end if;
end $$;
