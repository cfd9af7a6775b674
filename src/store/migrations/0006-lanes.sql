-- Two more lanes: the work of background instances, which takes what others leave, and nodes that wait for instances.

alter table node_run drop constraint node_run_lane_check;
alter table node_run add constraint node_run_lane_check
  check (lane in ('inline', 'process', 'stream', 'background', 'child'));

-- Its processes run in the lane `background`, and its node runs stand behind those of all others.
alter table instance add column background boolean not null default false;
