-- Who may do what in a workspace. One that is not closed is open to the whole project, by each caller's role there.
alter table workspace
  add column description text not null default '',
  -- Null where it came into being with its first object.
  add column created_by text,
  -- Set with its first member. Not the same as having members: a user who is deleted must not open what was closed.
  add column closed boolean not null default false;

create table workspace_member (
  project_id uuid not null,
  workspace_id text not null,
  user_id uuid not null references user_account on delete cascade,
  role text not null check (role in ('reader', 'member', 'manager')),
  added_at timestamptz not null,
  added_by text not null,
  primary key (project_id, workspace_id, user_id),
  foreign key (project_id, workspace_id) references workspace on delete cascade
);
create index workspace_member_user on workspace_member (user_id);
