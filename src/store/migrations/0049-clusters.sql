-- Clusters that people have registered, and which of them nodes run on that name none. The built-in one is no row.

create table cluster (
  project_id uuid not null references project on delete cascade,
  id uuid not null unique,
  name text collate "C" not null,
  description text not null,
  plugin_name text not null,
  plugin_version text not null,
  -- Its services by their names, secrets masked.
  services jsonb not null,
  secrets_sealed bytea,
  is_public boolean not null,
  is_protected boolean not null,
  -- What the last look at its services found.
  state text not null check (state in ('Active', 'Error', 'Checking')),
  state_text text,
  checked_at timestamptz,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  primary key (project_id, id),
  unique (project_id, name)
);
create index cluster_public on cluster (id) where is_public;
create index cluster_public_name on cluster (name, id) where is_public;
create index cluster_checked on cluster (checked_at nulls first);

-- One for each project, without a workspace, and one for each workspace that has its own.
create table cluster_default (
  project_id uuid not null references project on delete cascade,
  workspace_id text,
  cluster_id uuid not null,
  set_at timestamptz not null,
  set_by text not null,
  unique nulls not distinct (project_id, workspace_id)
);
create index cluster_default_of on cluster_default (cluster_id);
