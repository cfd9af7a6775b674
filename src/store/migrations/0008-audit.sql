-- What people did: written in the transaction of each act, never changed, gone only with its project.
create table act (
  project_id uuid not null references project on delete cascade,
  id bigint generated always as identity,
  at timestamptz not null,
  -- The user's name, as it was then.
  by text not null check (by <> ''),
  act text not null check (act <> ''),
  object_kind text not null check (object_kind <> ''),
  object_id text not null,
  detail jsonb not null default '{}',
  primary key (project_id, id)
);
create index act_of_object on act (project_id, object_kind, object_id, id);
