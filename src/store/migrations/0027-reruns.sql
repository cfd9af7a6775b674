-- How often an instance that had ended was begun anew: each time has a span of its own.

alter table instance add column reruns integer not null default 0 check (reruns >= 0);
