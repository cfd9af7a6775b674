-- Runs that have ended, for those who wait for that: a row is written in the commit that ends the run, and only where
-- somebody waits; a loop takes it. So nothing that waits is looked up again and again, and no end is lost in a crash.

create table run_end (
  id bigint generated always as identity primary key,
  -- Who is to take it: `dependants` (what waits for the run, or for its place), else what the instance was started with.
  audience text not null,
  project_id uuid not null,
  job_id bigint,
  planned_at timestamptz not null,
  -- Null for a planned time that never became an instance.
  instance_id bigint,
  -- Of the instance; `missed` or `skipped` for a planned time; `waiting`: an instance of the job began to wait.
  state text not null
);
create index run_end_audience on run_end (audience, project_id, job_id, id);

-- Who is told when the instance has ended, beside those that wait for it.
alter table instance add column end_audience text;

-- The jobs whose runs a waiting instance waits for: one row for each, with the stretch of time that counts.
create table instance_dependency (
  project_id uuid not null,
  instance_id bigint not null,
  upstream_id bigint not null,
  fail_policy text not null check (fail_policy in ('fail', 'ignore', 'suspend')),
  -- From the first day that counts to before the last; null for the job's own previous run, and until it is looked up.
  from_at timestamptz,
  to_at timestamptz,
  -- Runs that are still waited for; null until they were looked up.
  need integer check (need >= 0),
  primary key (project_id, instance_id, upstream_id)
);
create index instance_dependency_new on instance_dependency (project_id, instance_id) where need is null;
create index instance_dependency_upstream on instance_dependency (project_id, upstream_id);

-- The single runs among them.
create table instance_wait (
  project_id uuid not null,
  instance_id bigint not null,
  upstream_id bigint not null,
  planned_at timestamptz not null,
  -- `open`: not ended or not planned yet; `failed`: ended otherwise than in success, and held against the instance.
  state text not null check (state in ('open', 'met', 'failed')),
  -- What was found instead of a success.
  reason text,
  primary key (project_id, instance_id, upstream_id, planned_at)
);
create index instance_wait_upstream on instance_wait (project_id, upstream_id, planned_at) where state <> 'met';

create function tell_run_end() returns trigger language plpgsql
set enable_seqscan = off
as $$
begin
  if new.end_audience is not null and new.ended_at is not null then
    insert into run_end (audience, project_id, job_id, planned_at, instance_id, state)
    values (new.end_audience, new.project_id, new.job_id, new.planned_at, new.id, new.state);
  end if;
  if new.origin in ('schedule', 'backfill') and (
    exists (
      select from instance_wait w
      where w.project_id = new.project_id and w.upstream_id = new.job_id and w.planned_at = new.planned_at
        and w.state <> 'met'
    ) or exists (
      select from instance i where i.project_id = new.project_id and i.job_id = new.job_id and i.state = 'waiting'
    )
  ) then
    insert into run_end (audience, project_id, job_id, planned_at, instance_id, state)
    values ('dependants', new.project_id, new.job_id, new.planned_at, new.id, new.state);
  end if;
  return null;
end $$;
-- An instance that stands still without having ended (suspended) leaves its place to one that waits.
create trigger instance_ended after update of state on instance
  for each row when (
    new.state <> old.state and new.state not in ('waiting', 'frozen', 'running', 'failing', 'stopping')
    and (new.end_audience is not null or new.origin in ('schedule', 'backfill'))
  )
  execute function tell_run_end();

create function forget_waits() returns trigger language plpgsql
set enable_seqscan = off
as $$
begin
  delete from instance_wait where project_id = new.project_id and instance_id = new.id;
  delete from instance_dependency where project_id = new.project_id and instance_id = new.id;
  return null;
end $$;
create trigger instance_waits_no_more after update of state on instance
  for each row when (old.state in ('waiting', 'frozen') and new.state not in ('waiting', 'frozen'))
  execute function forget_waits();
