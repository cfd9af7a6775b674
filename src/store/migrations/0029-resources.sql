-- Names for files of buckets. Source: dataarts-factory 4.11.
create table resource (
  project_id uuid not null references project on delete cascade,
  id uuid not null,
  workspace_id text not null,
  name text collate "C" not null,
  type text not null check (type in ('archive', 'file', 'jar', 'pyFile')),
  directory text collate "C" not null,
  location text not null,
  description text,
  depend_files text[] not null,
  -- A list of {type, location}.
  depend_packages jsonb not null,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  updated_by text not null,
  primary key (project_id, id),
  unique (project_id, workspace_id, directory, name),
  foreign key (project_id, workspace_id) references workspace
);
create index resource_listing on resource (project_id, workspace_id, created_at, id) include (name);
