-- Job alarms: rules that say whose ends are told to a topic, and the record of what was told.

create table alarm_rule (
  project_id uuid not null,
  id bigint generated always as identity,
  workspace_id text not null,
  name text collate "C" not null,
  kind text not null check (kind in ('success', 'failure', 'cancelled')),
  -- Which jobs of the workspace it watches: one, those of a directory and below, those of an owner; all where all are null.
  job_id bigint,
  directory text,
  owner text,
  topic_id bigint not null,
  created_at timestamptz not null,
  created_by text not null,
  primary key (project_id, id),
  unique (project_id, workspace_id, name),
  foreign key (project_id, workspace_id) references workspace on delete cascade,
  foreign key (project_id, job_id) references job on delete cascade,
  foreign key (project_id, topic_id) references topic on delete cascade,
  check (num_nonnulls(job_id, directory, owner) <= 1)
);
create index alarm_rule_of_job on alarm_rule (project_id, job_id);
create index alarm_rule_of_topic on alarm_rule (project_id, topic_id);

-- What a rule raised. It outlives its rule, its run and its notice.
create table alarm_record (
  project_id uuid not null references project on delete cascade,
  id bigint generated always as identity,
  workspace_id text not null,
  rule_id bigint not null,
  -- What happened: the same thing is raised once for each rule.
  key text not null,
  kind text not null check (kind in ('success', 'failure', 'cancelled')),
  job_id bigint not null,
  job_name text not null,
  instance_id bigint not null,
  origin text not null,
  message text not null,
  planned_at timestamptz not null,
  at timestamptz not null,
  notice_id bigint not null,
  primary key (project_id, id),
  unique (project_id, rule_id, key)
);
create index alarm_record_by_time on alarm_record (project_id, workspace_id, at, id);
create index alarm_record_of_project on alarm_record (project_id, at);

-- Whether its workspace has rules: without them the end of a run costs nothing more.
alter table instance add column alarmed boolean not null default false;

create function tell_alarms() returns trigger language plpgsql as $$
begin
  insert into run_end (audience, project_id, job_id, planned_at, instance_id, state)
  values ('alarms', new.project_id, new.job_id, new.planned_at, new.id, new.state);
  return null;
end $$;
create trigger instance_alarmed after update of state on instance
  for each row when (
    new.alarmed and new.state <> old.state and new.state in ('succeeded', 'failed', 'stopped', 'suspended')
  )
  execute function tell_alarms();

-- As before; an instance of before the first rule that is begun anew is under the rules of now.
create or replace function open_history() returns trigger language plpgsql as $$
begin
  perform from history_partition where k = new.id >> 30 for share;
  update history_partition set closed = false where k = new.id >> 30 and closed;
  if not new.alarmed and new.job_id is not null and exists (
    select from alarm_rule r where r.project_id = new.project_id and r.workspace_id = new.workspace_id
  ) then
    update instance set alarmed = true where project_id = new.project_id and id = new.id;
  end if;
  return null;
end $$;
