-- Templates of clusters and of their groups of nodes, kept as the data-processing API gave them.
create table cluster_template (
  project_id uuid not null references project on delete cascade,
  id uuid not null,
  name text collate "C" not null,
  description text,
  plugin_name text collate "C" not null,
  plugin_version text collate "C" not null,
  -- What else was given, in the API's words.
  details jsonb not null,
  is_public boolean,
  is_protected boolean,
  created_at timestamptz not null,
  updated_at timestamptz,
  primary key (project_id, id),
  unique (project_id, name)
);
create index on cluster_template (id) where is_public;
create index on cluster_template (name, id) where is_public;
create index on cluster_template (project_id, plugin_name, id);
create index on cluster_template (project_id, plugin_version, id);
create index on cluster_template (project_id, created_at, id);
create index on cluster_template (project_id, (coalesce(updated_at, 'infinity')), id);
create index on cluster_template using gin (name_keys(project_id, '', name));

create table node_group_template (like cluster_template including all);
alter table node_group_template add foreign key (project_id) references project on delete cascade;

-- Which templates of clusters name a group of nodes; the API's ids are looked for in their details.
create index on cluster_template using gin (details jsonb_path_ops);
