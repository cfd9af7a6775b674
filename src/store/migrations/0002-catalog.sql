-- What people define for the Factory face: workspaces, jobs, scripts, connections. Every key leads with the project.

-- Words hashed together with the list that they belong to: a GIN index over them finds the rows of that list which hold
-- a word, and touches no other project's rows. (An index led by the project reads the project's whole posting list:
-- 8 ms at a million rows, against 0.3 to 2.) A match is a candidate: the caller compares the words themselves.
-- Restricted, because a parallel plan costs more here than it saves.
create function list_keys(project_id uuid, list text, words text[]) returns integer[]
language sql immutable strict parallel restricted
return (
  select array_agg(distinct hashtextextended(
    list || ':' || word,
    ('x' || left(replace(project_id::text, '-', ''), 16))::bit(64)::bigint
  )::bit(32)::integer)
  from unnest(words) word
);
-- The keys of a name's pieces of three letters, for the search of a part of three letters or more (store/name-parts.ts).
-- Written out, because a call of list_keys is not inlined and triples the cost of an insert.
create function name_keys(project_id uuid, list text, name text) returns integer[]
language sql immutable strict parallel restricted
return (
  select array_agg(distinct hashtextextended(
    list || ':' || substr(name, place, 3),
    ('x' || left(replace(project_id::text, '-', ''), 16))::bit(64)::bigint
  )::bit(32)::integer)
  from generate_series(1, length(name) - 2) place
);

create table workspace (
  project_id uuid not null references project on delete cascade,
  id text not null check (id <> ''),
  -- Variables in their order: [{name, value, constant, description}].
  environment jsonb not null default '[]',
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
create index job_name_part on job using gin (name_keys(project_id, workspace_id || '/' || kind, name));
create index job_tag on job using gin (list_keys(project_id, workspace_id || '/' || kind, tags)) where tags <> '{}';

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

-- The jobs whose instances the present version of a job waits for.
create table job_dependency (
  project_id uuid not null,
  job_id bigint not null,
  upstream_id bigint not null,
  primary key (project_id, job_id, upstream_id),
  foreign key (project_id, job_id) references job on delete cascade,
  foreign key (project_id, upstream_id) references job on delete cascade
);
create index job_dependency_upstream on job_dependency (project_id, upstream_id);

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
  -- With a mask in place of each secret member.
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
-- A workspace has one connection to serverless SQL (dataarts-factory 6, DLF.6271).
create unique index connection_one_dli on connection (project_id, workspace_id) where type = 'DLI';

-- Exact totals and deep page numbers without counting rows: how many rows of a list have an id in each run of
-- 1,024 ids, and in the row of block -1 the total. Writers append deltas (no hot row); a compactor folds them; a reader
-- adds both.
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
