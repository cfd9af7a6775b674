-- A claim can say since when what it looks for is ready. The index of what is ready keeps an entry for each node run that
-- was, until a vacuum: after a storm each claim went past tens of thousands of them, 3 ms for a hop of 1 ms. With the time
-- PostgreSQL 18 goes past them in one search; older ones read them all, as before.
--
-- Who passes a time later than '-infinity' must know that nothing older is ready, or look again soon without it
-- (engine/ready-since.ts).

drop function step;
drop function claim_ready;
drop function ready_projects;

-- Projects with ready node runs of a lane, by id from `p_from` on (null: from the first), at most `p_most`; those
-- alone that became ready from `p_since` on.
create function ready_projects(
  p_now timestamptz, p_floor bigint, p_since timestamptz, p_lane text, p_from uuid, p_most integer
)
returns setof uuid language sql stable as $$
  with recursive p (project_id, n) as (
    select (
      select r.project_id from node_run r
      where r.state = 'ready' and r.lane = p_lane and r.ready_at between p_since and p_now
        and r.instance_id >= p_floor and r.project_id >= coalesce(p_from, '00000000-0000-0000-0000-000000000000')
      order by r.project_id limit 1
    ), 1
    union all
    select (
      select r.project_id from node_run r
      where r.state = 'ready' and r.lane = p_lane and r.ready_at between p_since and p_now
        and r.instance_id >= p_floor and r.project_id > p.project_id
      order by r.project_id limit 1
    ), p.n + 1
    from p where p.project_id is not null and p.n < p_most
  )
  select p.project_id from p where p.project_id is not null
$$;

-- Claims ready node runs for a server: up to so many of each lane. Projects share the lanes' slots by weight; what a
-- project has already, `p_used` in slots, counts. Within a project: by priority, then by the time since when they are
-- ready. `background` gets no more than `process` leaves in the same call, and has to stand behind it in `p_lanes`.
--
-- Gives the claimed ones. A row without an instance says that there was more than this call looked at (its lane is
-- `more`) or that somebody else was just claiming for a project with limits (`busy`).
create function claim_ready(
  p_now timestamptz, p_floor bigint, p_since timestamptz, p_server uuid, p_fence bigint, p_lanes text[],
  p_wants integer[], p_used_lanes text[], p_used_projects uuid[], p_used double precision[]
) returns table (
  c_lane text, c_project uuid, c_instance bigint, c_node smallint, c_attempt integer, c_tries smallint,
  c_losses smallint
)
language plpgsql
as $$
declare
  -- Projects among whom one round of a lane is shared; where more have work, the rounds begin at a place by chance.
  c_projects_max constant integer := 64;
  c_rounds_max constant integer := 4;
  -- The fence is random.
  v_chance uuid := rpad(lpad(to_hex(p_fence), 14, '0'), 32, '0')::uuid;
  v_found record;
  v_projects uuid[];
  v_allots integer[];
  v_limited boolean[];
  v_want integer;
  v_left integer;
  v_claimed integer;
  v_process integer := 0;
  v_row record;
begin
  for v_found in
    select w.lane, w.want, array_agg(p.project_id) as projects
    from unnest(p_lanes, p_wants) with ordinality as w (lane, want, place)
    cross join lateral ready_projects(p_now, p_floor, p_since, w.lane, null, c_projects_max + 1) as p (project_id)
    group by w.lane, w.want, w.place
    order by w.place
  loop
    v_want := v_found.want;
    if v_found.lane = 'background' then
      v_want := least(v_want, coalesce(p_wants[array_position(p_lanes, 'process')], 0) - v_process);
    end if;
    v_left := v_want;
    v_projects := v_found.projects;
    for v_round in 1 .. c_rounds_max loop
      exit when v_left <= 0 or coalesce(cardinality(v_projects), 0) = 0;
      if cardinality(v_projects) > c_projects_max then
        select array_agg(p.project_id) into v_projects
        from (
          select a.project_id
          from ready_projects(p_now, p_floor, p_since, v_found.lane, v_chance, c_projects_max) as a (project_id)
          union
          select b.project_id from unnest(v_projects) as b (project_id)
          limit c_projects_max
        ) p;
      end if;
      if cardinality(v_projects) = 1 then
        v_allots := array[v_left];
        v_limited := array[exists (select from slot_limit l where l.project_id = v_projects[1])];
      else
        select array_agg(s.project_id), array_agg(s.allot), array_agg(s.limited)
        into v_projects, v_allots, v_limited
        from shares(v_projects, v_left, v_found.lane, p_used_lanes, p_used_projects, p_used) s
        where s.allot > 0;
      end if;

      return query
      with chosen as materialized (
        select n.project_id, n.instance_id, n.node_no
        from unnest(v_projects, v_allots, v_limited) as s (project_id, allot, limited)
        cross join lateral (
          select r.project_id, r.instance_id, r.node_no
          from node_run r
          where r.state = 'ready' and r.lane = v_found.lane and r.project_id = s.project_id
            and r.ready_at between p_since and p_now and r.instance_id >= p_floor
          order by r.limits, r.priority, r.ready_at, r.instance_id, r.node_no
          limit s.allot
          for update skip locked
        ) n
        where not s.limited
      )
      update node_run n
      set state = 'running', server_id = p_server, fence = p_fence, attempt = n.attempt + 1, started_at = p_now,
        exit_code = null, message = null, output = null
      from chosen c
      where n.project_id = c.project_id and n.instance_id = c.instance_id and n.node_no = c.node_no
        and n.instance_id >= p_floor
      returning n.lane, n.project_id, n.instance_id, n.node_no, n.attempt, n.tries, n.losses;
      get diagnostics v_claimed = row_count;

      for v_at in 1 .. cardinality(v_projects) loop
        continue when not v_limited[v_at];
        for v_row in
          select * from claim_limited(p_now, p_floor, p_server, p_fence, v_found.lane, v_projects[v_at], v_allots[v_at])
        loop
          if v_row.c_instance is null then
            return query select 'busy', null::uuid, null::bigint, null::smallint, null::integer, null::smallint,
              null::smallint;
          else
            v_claimed := v_claimed + 1;
            return query select v_found.lane, v_row.c_project, v_row.c_instance, v_row.c_node, v_row.c_attempt,
              v_row.c_tries, v_row.c_losses;
          end if;
        end loop;
      end loop;
      v_left := v_left - v_claimed;
      -- One project that gave less than was asked for has no more.
      exit when v_left <= 0 or v_claimed = 0 or cardinality(v_found.projects) = 1;
      if v_round = c_rounds_max then
        return query select 'more', null::uuid, null::bigint, null::smallint, null::integer, null::smallint,
          null::smallint;
      end if;
      select array_agg(p.project_id) into v_projects
      from ready_projects(p_now, p_floor, p_since, v_found.lane, null, c_projects_max + 1) as p (project_id);
    end loop;
    if v_found.lane = 'process' then
      v_process := v_want - v_left;
    end if;
  end loop;
end $$;

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
-- It claims of what became ready from `p_since` on; of all where it ends a node run that has limits, since others may
-- have waited long for those.
--
-- Gives rows of these kinds: `claimed` (a node run that is now this server's), `more` and `busy` (of `claim_ready`),
-- `ended` (an instance), `freed` (slots of limits were left to others who wait for them), `late` (a result whose attempt
-- was no longer this one: nothing was written), `slow` (a result that needs the model; nothing was written). `late` and
-- `slow` carry the result's place in the arrays, from 1.
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
  p_wants integer[],
  p_used_lanes text[],
  p_used_projects uuid[],
  p_used double precision[],
  p_since timestamptz default '-infinity'
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
              and n.instance_id >= v_floor
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
    from claim_ready(v_now, v_floor, case when v_limited then '-infinity' else p_since end, p_server, p_fence, p_lanes,
      p_wants, p_used_lanes, p_used_projects, p_used) c;
  end if;
  if v_limited and has_free_slot(v_now, v_floor, p_projects, p_instances, p_nodes) then
    return query
    select 'freed', null::uuid, null::bigint, null::smallint, null::integer, null::smallint, null::smallint, null::integer,
      v_ready, null;
  end if;
end $$;
