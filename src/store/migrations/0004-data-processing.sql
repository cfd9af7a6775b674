-- What people define for the Sahara face. Source: sahara-v1.1.md, mrs-v1.1.md. A null flag is kept and counts as false.
-- Names are unique in a project, so the unique key also walks a project's rows by name; a walk by another field has its
-- index, and rows that all projects see have small ones of their own.

create table stored_file (
  project_id uuid not null references project on delete cascade,
  id uuid not null,
  name text collate "C" not null,
  size_bytes bigint not null,
  sha256 bytea not null check (length(sha256) = 32),
  is_public boolean,
  is_protected boolean,
  created_at timestamptz not null,
  updated_at timestamptz,
  primary key (project_id, id),
  unique (project_id, name)
);
create index stored_file_public on stored_file (id) where is_public;
create index stored_file_public_name on stored_file (name, id) where is_public;
create index stored_file_created on stored_file (project_id, created_at, id);
create index stored_file_updated on stored_file (project_id, (coalesce(updated_at, 'infinity')), id);

create table job_binary (
  project_id uuid not null references project on delete cascade,
  id uuid not null,
  name text collate "C" not null,
  description text,
  url text collate "C" not null,
  -- Credentials (`extra`), sealed; write-only.
  extra_sealed bytea,
  is_public boolean,
  is_protected boolean,
  created_at timestamptz not null,
  updated_at timestamptz,
  primary key (project_id, id),
  unique (project_id, name)
);
create index job_binary_public on job_binary (id) where is_public;
create index job_binary_public_name on job_binary (name, id) where is_public;
create index job_binary_created on job_binary (project_id, created_at, id);
create index job_binary_updated on job_binary (project_id, (coalesce(updated_at, 'infinity')), id);
create index job_binary_name_part on job_binary using gin (name_keys(project_id, '', name));

create table data_source (
  project_id uuid not null references project on delete cascade,
  id uuid not null,
  name text collate "C" not null,
  description text,
  type text collate "C" not null,
  url text collate "C" not null,
  credentials_sealed bytea,
  is_public boolean,
  is_protected boolean,
  created_at timestamptz not null,
  updated_at timestamptz,
  primary key (project_id, id),
  unique (project_id, name)
);
create index data_source_public on data_source (id) where is_public;
create index data_source_public_name on data_source (name, id) where is_public;
create index data_source_type on data_source (project_id, type, id);
create index data_source_created on data_source (project_id, created_at, id);
create index data_source_updated on data_source (project_id, (coalesce(updated_at, 'infinity')), id);
create index data_source_name_part on data_source using gin (name_keys(project_id, '', name));

create table job_template (
  project_id uuid not null references project on delete cascade,
  id uuid not null,
  name text collate "C" not null,
  description text,
  type text collate "C" not null,
  -- Named arguments, as sahara-v1.1 5 shows them.
  interface jsonb not null default '[]',
  is_public boolean,
  is_protected boolean,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (project_id, id),
  unique (project_id, name)
);
create index job_template_public on job_template (id) where is_public;
create index job_template_public_name on job_template (name, id) where is_public;
create index job_template_type on job_template (project_id, type, id);
create index job_template_created on job_template (project_id, created_at, id);
create index job_template_updated on job_template (project_id, updated_at, id);
create index job_template_name_part on job_template using gin (name_keys(project_id, '', name));

-- The programs of a template; a binary may be a public one of another project.
create table job_template_binary (
  project_id uuid not null,
  job_template_id uuid not null,
  use text not null check (use in ('main', 'library')),
  place smallint not null,
  binary_project_id uuid not null,
  binary_id uuid not null,
  primary key (project_id, job_template_id, use, place),
  foreign key (project_id, job_template_id) references job_template on delete cascade,
  foreign key (binary_project_id, binary_id) references job_binary
);
create index job_template_binary_used on job_template_binary (binary_project_id, binary_id);

-- A run through the Sahara face: its own members; state and times are those of its instance.
create table job_execution (
  project_id uuid not null references project on delete cascade,
  id uuid not null,
  instance_id bigint not null,
  job_template_project_id uuid not null,
  job_template_id uuid not null,
  cluster_id uuid not null,
  -- Data sources that the project saw then; they are not deleted while a run names them.
  input_id uuid,
  output_id uuid,
  job_configs json not null,
  interface json not null,
  data_source_urls json,
  is_public boolean,
  is_protected boolean,
  created_at timestamptz not null,
  updated_at timestamptz,
  primary key (project_id, id),
  foreign key (project_id, instance_id) references instance on delete cascade,
  foreign key (job_template_project_id, job_template_id) references job_template
);
create unique index job_execution_instance on job_execution (project_id, instance_id);
create index job_execution_template on job_execution (job_template_project_id, job_template_id);
create index job_execution_by_template on job_execution (project_id, job_template_id, id);
create index job_execution_public on job_execution (id) where is_public;
create index job_execution_cluster on job_execution (project_id, cluster_id, id);
create index job_execution_input on job_execution (input_id) where input_id is not null;
create index job_execution_output on job_execution (output_id) where output_id is not null;
