-- Notices: topics, where each sends what is published to it, and what is on its way.

create table topic (
  project_id uuid not null references project on delete cascade,
  id bigint generated always as identity,
  name text collate "C" not null,
  description text,
  created_at timestamptz not null,
  created_by text not null,
  primary key (project_id, id),
  unique (project_id, name)
);

create table topic_target (
  project_id uuid not null,
  id uuid not null,
  topic_id bigint not null,
  -- Scheme and host alone: the rest of an address may be a secret.
  shown_address text not null,
  -- Address and signing secret as JSON (store/secrets.ts).
  sealed bytea not null,
  created_at timestamptz not null,
  created_by text not null,
  -- Until when somebody sends to it; past: when somebody last did.
  busy_until timestamptz,
  primary key (project_id, id),
  foreign key (project_id, topic_id) references topic on delete cascade
);
create index topic_target_of_topic on topic_target (project_id, topic_id);

create table notice (
  project_id uuid not null,
  id bigint generated always as identity,
  topic_id bigint not null,
  -- What is published again under its key is the same notice.
  key text not null,
  subject text not null,
  message text not null,
  -- What else the receiver is told, beside subject and message.
  detail jsonb not null,
  created_at timestamptz not null,
  primary key (project_id, id),
  unique (project_id, key),
  foreign key (project_id, topic_id) references topic on delete cascade
);
create index notice_of_topic on notice (project_id, topic_id, id);
create index notice_by_time on notice (project_id, created_at);

-- One notice on its way to one target. Written in the commit that publishes: nothing is lost in a crash.
create table notice_delivery (
  project_id uuid not null,
  notice_id bigint not null,
  target_id uuid not null,
  state text not null check (state in ('waiting', 'sent', 'failed')),
  tries integer not null default 0 check (tries >= 0),
  next_at timestamptz,
  ended_at timestamptz,
  -- Why the last try failed.
  error text,
  primary key (project_id, notice_id, target_id),
  foreign key (project_id, notice_id) references notice on delete cascade,
  foreign key (project_id, target_id) references topic_target on delete cascade,
  check ((state = 'waiting') = (ended_at is null)),
  check ((state = 'waiting') = (next_at is not null))
);
create index notice_delivery_due on notice_delivery (project_id, target_id, next_at, notice_id) where state = 'waiting';
create index notice_delivery_of_target on notice_delivery (project_id, target_id);

create trigger notice_delivery_moves after update of state on notice_delivery
  for each row when (
    old.state <> new.state
    and case old.state
      when 'waiting' then new.state not in ('sent', 'failed')
      else true end
  )
  execute function refuse_move('delivery', 'state');
