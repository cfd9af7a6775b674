-- Files whose arrivals were forgotten before a stopped source had taken them: how many since it stopped, and of when.

alter table event_source
  add column lost bigint not null default 0,
  add column lost_from timestamptz,
  add column lost_to timestamptz,
  add check ((lost = 0) = (lost_from is null) and (lost = 0) = (lost_to is null));
