-- Who exists and what they may do. Source: auth.md.

create table project (
  id uuid primary key,
  name text not null unique check (name <> ''),
  description text not null default '',
  enabled boolean not null default true,
  -- Whether its nodes may run commands on the server; the administrator's choice.
  local_commands boolean not null default true,
  -- Added to the base of the configured range of numeric users: its commands run as that user.
  user_slot integer generated always as identity unique,
  created_at timestamptz not null
);

create table user_account (
  id uuid primary key,
  name text not null unique check (name <> ''),
  -- PHC text of argon2id.
  password_hash text not null,
  enabled boolean not null default true,
  default_project_id uuid references project on delete set null,
  created_at timestamptz not null
);

create table role_assignment (
  project_id uuid not null references project on delete cascade,
  user_id uuid not null references user_account on delete cascade,
  role text not null check (role in ('reader', 'member', 'manager', 'admin')),
  primary key (project_id, user_id, role)
);
create index role_assignment_user on role_assignment (user_id);

create table token (
  -- SHA-256 of the token's text; the text itself is never kept.
  hash bytea primary key check (length(hash) = 32),
  audit_id text not null,
  user_id uuid not null references user_account on delete cascade,
  -- Null for an unscoped token.
  project_id uuid references project on delete cascade,
  -- `project`, `domain`, `system` or `unscoped`.
  scope text not null,
  methods text[] not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  check (expires_at > issued_at),
  check ((scope = 'project') = (project_id is not null))
);
create index token_user on token (user_id);
create index token_expiry on token (expires_at);

create table access_key (
  id text primary key,
  user_id uuid not null references user_account on delete cascade,
  description text not null default '',
  -- Sealed by store/secrets.ts: a signature needs the secret itself.
  secret_sealed bytea not null,
  enabled boolean not null default true,
  created_at timestamptz not null
);
create index access_key_user on access_key (user_id);
