-- Servers hold a lease beside their session lock: it covers what the lock does not show, a server that the network cut off
-- and one behind a pooler, which has no session of its own and so no lock. The clock of leases is the database's.

alter table server alter column lock_key drop not null;
alter table server add column lease_until timestamptz not null default now();
