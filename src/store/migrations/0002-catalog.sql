-- What people define for the Factory face: workspaces, jobs, scripts, connections. Every key leads with the project.

create table workspace (
  project_id uuid not null references project on delete cascade,
  id text not null check (id <> ''),
  environment jsonb not null default '{}',
  created_at timestamptz not null,
  primary key (project_id, id)
);

create sequence job_id;
create table job (
  project_id uuid not null references project on delete cascade,
  id bigint not null default nextval('job_id'),
  workspace_id text not null,
  name text collate "C" not null,
  kind text not null check (kind in ('batch', 'real-time')),
  version integer not null check (version >= 1),
  -- Batch: stopped, scheduling, paused. Real-time: stopped, starting, normal, exception, stopping.
  status text not null default 'stopped'
    check (status in ('stopped', 'scheduling', 'paused', 'starting', 'normal', 'exception', 'stopping')),
  -- Until then the job list goes on saying `scheduling` after a run-once job has ended (dataarts-factory 4.5).
  scheduling_shown_until timestamptz,
  owner text,
  priority smallint,
  tags text[] not null default '{}',
  directory text not null default '/',
  single_node boolean not null default false,
  -- What the schedule says, for the list.
  starts_at timestamptz,
  ends_at timestamptz,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  primary key (project_id, id),
  unique (project_id, workspace_id, name),
  foreign key (project_id, workspace_id) references workspace
);
-- The list's walk, newest first, and the one narrow scan that counts the matches of a frequent name part.
create index job_listing on job (project_id, workspace_id, kind, id) include (name);
create index job_name_part on job using gin (project_id, name gin_trgm_ops);
create index job_tags on job using gin (project_id, tags) where tags <> '{}';

create table job_version (
  project_id uuid not null,
  job_id bigint not null,
  version integer not null,
  -- The domain's reading of the definition (domain/job.ts).
  definition jsonb not null,
  -- The definition as it came on the wire, member for member; only its face reads it.
  document json not null,
  created_at timestamptz not null,
  created_by text not null,
  primary key (project_id, job_id, version),
  foreign key (project_id, job_id) references job on delete cascade
);

create sequence script_id;
create table script (
  project_id uuid not null references project on delete cascade,
  id bigint not null default nextval('script_id'),
  workspace_id text not null,
  name text collate "C" not null,
  type text not null,
  content text not null,
  version integer not null default 1,
  -- The other members as they came on the wire.
  document json not null,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  primary key (project_id, id),
  unique (project_id, workspace_id, name),
  foreign key (project_id, workspace_id) references workspace
);
create index script_listing on script (project_id, workspace_id, id) include (name);

create sequence connection_id;
create table connection (
  project_id uuid not null references project on delete cascade,
  id bigint not null default nextval('connection_id'),
  workspace_id text not null,
  name text collate "C" not null,
  type text not null,
  description text,
  -- Without the secret members.
  config jsonb not null,
  -- The secret members of the configuration, sealed by store/secrets.ts; null when there are none.
  secrets_sealed bytea,
  -- True for the connection into the embedded server's `warehouse`, which the product makes itself.
  warehouse boolean not null default false,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  primary key (project_id, id),
  unique (project_id, workspace_id, name),
  foreign key (project_id, workspace_id) references workspace
);

-- Exact totals and deep page numbers without counting rows: how many rows of a list have an id in each run of
-- 1,024 ids. Writers append deltas (no hot row); a compactor folds them; a reader adds both.
create table list_block (
  project_id uuid not null,
  list text not null,
  scope text not null,
  block bigint not null,
  rows integer not null,
  primary key (project_id, list, scope, block)
);
create table list_block_delta (
  project_id uuid not null,
  list text not null,
  scope text not null,
  block bigint not null,
  rows integer not null
);
create index list_block_delta_list on list_block_delta (project_id, list, scope);

create function count_job_rows() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    insert into list_block_delta
    select project_id, 'job', workspace_id || '/' || kind, id >> 10, -count(*) from old_rows group by 1, 3, 4;
  end if;
  if tg_op <> 'DELETE' then
    insert into list_block_delta
    select project_id, 'job', workspace_id || '/' || kind, id >> 10, count(*) from new_rows group by 1, 3, 4;
  end if;
  return null;
end $$;
create trigger job_inserted after insert on job
  referencing new table as new_rows for each statement execute function count_job_rows();
create trigger job_deleted after delete on job
  referencing old table as old_rows for each statement execute function count_job_rows();
-- Of an update only a changed kind moves a row to another list: that statement is written as its own (store/jobs.ts).
create function count_job_kinds() returns trigger language plpgsql as $$
begin
  insert into list_block_delta
  select o.project_id, 'job', o.workspace_id || '/' || o.kind, o.id >> 10, -1
  from old_rows o join new_rows n on n.project_id = o.project_id and n.id = o.id where n.kind <> o.kind
  union all
  select n.project_id, 'job', n.workspace_id || '/' || n.kind, n.id >> 10, 1
  from old_rows o join new_rows n on n.project_id = o.project_id and n.id = o.id where n.kind <> o.kind;
  return null;
end $$;
create trigger job_updated after update on job
  referencing old table as old_rows new table as new_rows for each statement execute function count_job_kinds();
