-- Ended instances that are to run again so many at a time (engine/rerun-batches.ts). A batch is gone as soon as its last
-- instance has begun.
create table rerun_batch (
  project_id uuid not null references project on delete cascade,
  id bigint not null generated always as identity,
  concurrent smallint not null check (concurrent between 1 and 128),
  -- How they begin, as the engine reads it.
  rerun jsonb not null,
  made_by text not null,
  primary key (project_id, id)
);
create table rerun_turn (
  project_id uuid not null,
  batch_id bigint not null,
  place integer not null,
  instance_id bigint not null,
  begun boolean not null default false,
  primary key (project_id, batch_id, place),
  foreign key (project_id, batch_id) references rerun_batch on delete cascade
);
