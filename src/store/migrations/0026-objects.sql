-- Jobs that start on files of S3 endpoints: which of them a source has seen, and when it lists them next.

alter table event_source drop constraint event_source_type_check;
alter table event_source
  add constraint event_source_type_check check (type in ('files', 'objects', 'topic')),
  -- Objects: when the bucket is to be listed next; while it is, when another server may.
  add column list_at timestamptz,
  -- The listing under way: what it finds counts only as long as this stands here.
  add column listing uuid;
comment on column event_source.position is
  'Where it goes on: {"arrival": 17}, {"listedAt": "…"} or {"offsets": {"0": "42"}}; null until a bucket was listed whole, or a topic reached, for the first time.';
create index event_source_listing on event_source (list_at) where state = 'listening' and type = 'objects';

-- The objects that a source has seen, as they were when it saw them last.
create table event_object (
  project_id uuid not null,
  job_id bigint not null,
  key text collate "C" not null,
  etag text not null,
  modified_at timestamptz not null,
  -- No run has been started for it as it is.
  pending boolean not null,
  -- Since when the listings have been without it.
  gone_at timestamptz,
  primary key (project_id, job_id, key),
  foreign key (project_id, job_id) references event_source on delete cascade
);
create index event_object_pending on event_object (project_id, job_id, modified_at, key) where pending;
create index event_object_gone on event_object (project_id, job_id, gone_at) where gone_at is not null;
