-- Instances that a pause of the one whose node began them has paused: they go on with it.

alter table child_instance add column paused_with boolean not null default false;
