-- Limits on what runs at a time, fair shares of a server among projects, and the step that heeds both.

-- Of a project's slots on a server that others want as well: twice the weight, twice the slots.
alter table project add column weight integer not null default 1 check (weight between 1 and 100);

-- How many node runs may run at a time, on all servers together, for a project, a workspace, a connection or a job.
-- A change of `slots` holds at once; node runs know the limits' ids (node_run.limits).
create table slot_limit (
  id integer generated always as identity primary key,
  project_id uuid not null references project on delete cascade,
  kind text not null check (kind in ('project', 'workspace', 'connection', 'job')),
  workspace_id text,
  connection text collate "C",
  job_id bigint,
  slots integer not null check (slots between 1 and 100000),
  set_at timestamptz not null,
  set_by text not null,
  unique nulls not distinct (project_id, kind, workspace_id, connection, job_id),
  foreign key (project_id, job_id) references job on delete cascade,
  check ((workspace_id is not null) = (kind in ('workspace', 'connection'))),
  check ((connection is not null) = (kind = 'connection')),
  check ((job_id is not null) = (kind = 'job'))
);

-- The connection that the node names, where it does so without an expression; and the limits under which it runs.
alter table node_run add column connection text collate "C";
alter table node_run add column limits integer[];

drop index node_run_ready;
create index node_run_ready on node_run (lane, project_id, limits, priority, ready_at, instance_id, node_no)
  where state = 'ready';
create index node_run_limited on node_run (project_id, limits) where state = 'running' and limits is not null;

-- The limits of a node run, ascending; null for none. A node that waits for instances holds no slot: they need it.
create function limits_of(p_project uuid, p_workspace text, p_job bigint, p_connection text, p_lane text)
returns integer[] language sql stable as $$
  select array_agg(l.id order by l.id)
  from (
    select id from slot_limit
    where project_id = p_project and kind = 'project'
    union all
    select id from slot_limit
    where project_id = p_project and kind = 'workspace' and workspace_id = p_workspace
    union all
    select id from slot_limit
    where project_id = p_project and kind = 'connection' and workspace_id = p_workspace and connection = p_connection
    union all
    select id from slot_limit
    where project_id = p_project and kind = 'job' and job_id = p_job
  ) l
  where p_lane <> 'child'
$$;

-- A job's limit follows its newest version, in the commit that saves it.
create function limit_job() returns trigger language plpgsql as $$
declare
  v_slots integer := (new.definition -> 'settings' ->> 'slots')::integer;
begin
  if v_slots is null then
    delete from slot_limit where project_id = new.project_id and kind = 'job' and job_id = new.job_id;
  else
    insert into slot_limit (project_id, kind, job_id, slots, set_at, set_by)
    values (new.project_id, 'job', new.job_id, v_slots, new.created_at, new.created_by)
    on conflict (project_id, kind, workspace_id, connection, job_id)
      do update set slots = excluded.slots, set_at = excluded.set_at, set_by = excluded.set_by
      where slot_limit.slots <> excluded.slots;
  end if;
  return null;
end $$;
create trigger job_version_limits_job after insert on job_version for each row execute function limit_job();

-- Claims up to `p_allot` ready node runs of a project that has limits, within these. One caller at a time for each
-- project, so that two of them cannot count the same free slot; who finds another at it gives a row of nulls and is to
-- come again. What runs is counted, not noted down: a slot is free as soon as its node run does not run any more,
-- whatever ended it.
create function claim_limited(
  p_now timestamptz, p_floor bigint, p_server uuid, p_fence bigint, p_lane text, p_project uuid, p_allot integer
) returns table (
  c_project uuid, c_instance bigint, c_node smallint, c_attempt integer, c_tries smallint, c_losses smallint
)
language plpgsql
as $$
declare
  -- Ready node runs with the same limits stand together. From a place by chance on no more of such groups are looked at
  -- in one call, and no more below it.
  c_groups_max constant integer := 128;
  c_unlimited constant integer := 1000000;
  v_ids integer[];
  v_free integer[];
  v_instances bigint[];
  v_nodes smallint[];
  v_row record;
  v_place integer;
  v_from integer[];
begin
  -- The fence is random.
  select array[a.least + (p_fence % (z.most - a.least + 1))::integer] into v_from
  from (
    select r.limits[1] from node_run r
    where r.state = 'ready' and r.lane = p_lane and r.project_id = p_project and r.limits is not null
      and r.instance_id >= p_floor
    order by r.limits limit 1
  ) as a (least), (
    select r.limits[1] from node_run r
    where r.state = 'ready' and r.lane = p_lane and r.project_id = p_project and r.limits is not null
      and r.instance_id >= p_floor
    order by r.limits desc limit 1
  ) as z (most);

  -- The first look takes no lock: mostly there is nothing to be had, and nobody is held up for that.
  for v_look in 1 .. 2 loop
    v_ids := '{}';
    v_free := '{}';
    v_instances := '{}';
    v_nodes := '{}';
    for v_row in
      with recursive groups (limits, below, n) as (
        select (
          select r.limits from node_run r
          where r.state = 'ready' and r.lane = p_lane and r.project_id = p_project
            and r.limits >= case when side.below then '{}' else v_from end
            and r.ready_at <= p_now and r.instance_id >= p_floor
          order by r.limits limit 1
        ), side.below, 1
        from (values (true), (false)) as side (below)
        union all
        select (
          select r.limits from node_run r
          where r.state = 'ready' and r.lane = p_lane and r.project_id = p_project and r.limits > g.limits
            and r.ready_at <= p_now and r.instance_id >= p_floor
          order by r.limits limit 1
        ), g.below, g.n + 1
        from groups g where g.limits is not null and not (g.below and g.limits >= v_from) and g.n < c_groups_max
      ), held as materialized (
        select held_id as id, count(*)::integer as slots
        from node_run r cross join lateral unnest(r.limits) as held_id
        where r.state = 'running' and r.limits is not null and r.project_id = p_project and r.instance_id >= p_floor
        group by held_id
      ), open as (
        select g.limits, array_agg(
          -- Of several slots the last is not for background work: other work never waits until that ends.
          coalesce(l.slots - coalesce(h.slots, 0) - case when p_lane = 'background' and l.slots > 1 then 1 else 0 end,
            c_unlimited)
          order by i.place
        ) as free
        from groups g
        cross join lateral unnest(g.limits) with ordinality as i (id, place)
        left join slot_limit l on l.id = i.id
        left join held h on h.id = i.id
        where g.limits is not null and not (g.below and g.limits >= v_from)
        group by g.limits
      )
      select n.*, o.limits, o.free
      from open o
      cross join lateral (
        select r.instance_id, r.node_no, r.priority, r.ready_at from node_run r
        where r.state = 'ready' and r.lane = p_lane and r.project_id = p_project and r.limits = o.limits
          and r.ready_at <= p_now and r.instance_id >= p_floor
        order by r.priority, r.ready_at, r.instance_id, r.node_no
        limit greatest(0, least(p_allot, (select min(f.slots) from unnest(o.free) as f (slots))))
      ) n
      union all
      (
        select r.instance_id, r.node_no, r.priority, r.ready_at, '{}', '{}' from node_run r
        where r.state = 'ready' and r.lane = p_lane and r.project_id = p_project and r.limits is null
          and r.ready_at <= p_now and r.instance_id >= p_floor
        order by r.limits, r.priority, r.ready_at, r.instance_id, r.node_no
        limit p_allot
      )
      order by priority, ready_at, instance_id, node_no
    loop
      exit when cardinality(v_nodes) >= p_allot;
      for v_at in 1 .. cardinality(v_row.limits) loop
        if array_position(v_ids, v_row.limits[v_at]) is null then
          v_ids := v_ids || v_row.limits[v_at];
          v_free := v_free || v_row.free[v_at];
        end if;
      end loop;
      continue when exists (
        select from unnest(v_row.limits) as i (id) where v_free[array_position(v_ids, i.id)] < 1
      );
      for v_at in 1 .. cardinality(v_row.limits) loop
        v_place := array_position(v_ids, v_row.limits[v_at]);
        v_free[v_place] := v_free[v_place] - 1;
      end loop;
      v_instances := v_instances || v_row.instance_id;
      v_nodes := v_nodes || v_row.node_no;
    end loop;
    if cardinality(v_nodes) = 0 then
      return;
    end if;
    if v_look = 1 and not pg_try_advisory_xact_lock(hashtext('azalai slots'), hashtext(p_project::text)) then
      return query select p_project, null::bigint, null::smallint, null::integer, null::smallint, null::smallint;
      return;
    end if;
  end loop;

  return query
  with chosen as materialized (
    select r.instance_id, r.node_no
    from unnest(v_instances, v_nodes) as k (instance_id, node_no)
    join node_run r on r.project_id = p_project and r.instance_id = k.instance_id and r.node_no = k.node_no
    where r.state = 'ready' and r.instance_id >= p_floor
    for update of r skip locked
  )
  update node_run n
  set state = 'running', server_id = p_server, fence = p_fence, attempt = n.attempt + 1, started_at = p_now,
    exit_code = null, message = null, output = null
  from chosen c
  where n.project_id = p_project and n.instance_id = c.instance_id and n.node_no = c.node_no
    and n.instance_id >= p_floor
  returning n.project_id, n.instance_id, n.node_no, n.attempt, n.tries, n.losses;
end $$;

-- Projects with ready node runs of a lane, by id from `p_from` on (null: from the first), at most `p_most`.
create function ready_projects(p_now timestamptz, p_floor bigint, p_lane text, p_from uuid, p_most integer)
returns setof uuid language sql stable as $$
  with recursive p (project_id, n) as (
    select (
      select r.project_id from node_run r
      where r.state = 'ready' and r.lane = p_lane and r.ready_at <= p_now and r.instance_id >= p_floor
        and r.project_id >= coalesce(p_from, '00000000-0000-0000-0000-000000000000')
      order by r.project_id limit 1
    ), 1
    union all
    select (
      select r.project_id from node_run r
      where r.state = 'ready' and r.lane = p_lane and r.ready_at <= p_now and r.instance_id >= p_floor
        and r.project_id > p.project_id
      order by r.project_id limit 1
    ), p.n + 1
    from p where p.project_id is not null and p.n < p_most
  )
  select p.project_id from p where p.project_id is not null
$$;

-- How `p_want` slots are shared: the level to which the fullest may come is the same for all, in slots for each unit of
-- weight, and who is above it already gets none. What remains of fractions goes to those who stand lowest then.
create function shares(
  p_projects uuid[], p_want integer, p_lane text, p_used_lanes text[], p_used_projects uuid[], p_used double precision[]
) returns table (project_id uuid, allot integer, limited boolean)
language sql stable as $$
  with asked as (
    select a.id, coalesce(p.weight, 1) as weight, coalesce(u.used, 0) as used,
      coalesce(u.used, 0) / coalesce(p.weight, 1) as height
    from unnest(p_projects) as a (id)
    left join project p using (id)
    left join unnest(p_used_lanes, p_used_projects, p_used) as u (lane, project_id, used)
      on u.lane = p_lane and u.project_id = a.id
  ), levels as (
    select min(l.level) as level
    from (
      select (p_want + sum(used) over filled) / sum(weight) over filled as level
      from asked window filled as (order by height, id)
    ) l
  ), exact as (
    select a.id, a.weight, a.used, greatest(0, l.level * a.weight - a.used) as slots
    from asked a cross join levels l
  ), whole as (
    select e.id, floor(e.slots)::integer as slots,
      row_number() over (order by (e.used + floor(e.slots)) / e.weight, e.id) as place,
      p_want - sum(floor(e.slots)) over () as remaining
    from exact e
  )
  select w.id, w.slots + case when w.place <= w.remaining then 1 else 0 end,
    exists (select from slot_limit l where l.project_id = w.id)
  from whole w
$$;

-- Claims ready node runs for a server: up to so many of each lane. Projects share the lanes' slots by weight; what a
-- project has already, `p_used` in slots, counts. Within a project: by priority, then by the time since when they are
-- ready. `background` gets no more than `process` leaves in the same call, and has to stand behind it in `p_lanes`.
--
-- Gives the claimed ones. A row without an instance says that there was more than this call looked at (its lane is
-- `more`) or that somebody else was just claiming for a project with limits (`busy`).
create function claim_ready(
  p_now timestamptz, p_floor bigint, p_server uuid, p_fence bigint, p_lanes text[], p_wants integer[],
  p_used_lanes text[], p_used_projects uuid[], p_used double precision[]
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
    cross join lateral ready_projects(p_now, p_floor, w.lane, null, c_projects_max + 1) as p (project_id)
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
          from ready_projects(p_now, p_floor, v_found.lane, v_chance, c_projects_max) as a (project_id)
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
          where r.state = 'ready' and r.lane = v_found.lane and r.project_id = s.project_id and r.ready_at <= p_now
            and r.instance_id >= p_floor
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
      from ready_projects(p_now, p_floor, v_found.lane, null, c_projects_max + 1) as p (project_id);
    end loop;
    if v_found.lane = 'process' then
      v_process := v_want - v_left;
    end if;
  end loop;
end $$;

drop function step;

-- One round trip, one commit: ends node runs that succeeded, passes that on to their successors and instances, and
-- claims further node runs for this server. Only plain successes of plain instances (running, no failed branch) are
-- settled here; everything else goes through the model (domain/instance.ts) under locks on the whole instance.
--
-- Locks are taken in one order by all who change node runs: node runs by key, then instances by key. Whoever changes an
-- instance's state holds the locks of all its node runs, so the state that is read here under some of them holds.
-- Each statement of the function sees what was committed before it began (read committed).
--
-- Gives rows of these kinds: `claimed` (a node run that is now this server's), `more` and `busy` (of `claim_ready`),
-- `ended` (an instance), `late` (a result whose attempt was no longer this one: nothing was written), `slow` (a result
-- that needs the model; nothing was written). `late` and `slow` carry the result's place in the arrays, from 1.
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
  v_floor bigint := history_floor();
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
      where n.instance_id >= v_floor
    ) touched
    join node_run n using (project_id, instance_id, node_no)
    where n.instance_id >= v_floor
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
        and n.instance_id >= v_floor and i.id >= v_floor
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
        and n.instance_id >= v_floor
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
      where i.id >= v_floor
      order by i.project_id, i.id
      for update of i;

      return query
      with closed as (
        update instance i
        set left_sinks = i.left_sinks - g.ended,
          state = case when i.left_sinks = g.ended then 'succeeded' else i.state end,
          ended_at = case when i.left_sinks = g.ended then p_now end
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

  if cardinality(p_lanes) > 0 then
    return query
    select case when c.c_instance is null then c.c_lane else 'claimed' end, c.c_project, c.c_instance, c.c_node,
      c.c_attempt, c.c_tries, c.c_losses, null::integer, v_ready, c.c_lane
    from claim_ready(p_now, v_floor, p_server, p_fence, p_lanes, p_wants, p_used_lanes, p_used_projects, p_used) c;
  end if;
end $$;
