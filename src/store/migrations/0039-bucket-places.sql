-- Buckets that lie at an S3 endpoint: which connection of the project leads there. All others are the server's own.

create table bucket_place (
  project_id uuid not null,
  bucket text collate "C" not null,
  connection_id bigint not null,
  primary key (project_id, bucket),
  foreign key (project_id, connection_id) references connection (project_id, id) on delete cascade
);
create index bucket_place_of_connection on bucket_place (project_id, connection_id);
