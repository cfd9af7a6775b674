-- Lists of instances ask for those planned in a stretch of time, mostly a day: their cost is to be that day's, not that of
-- all history.
create index instance_planned on instance (project_id, workspace_id, planned_at, id);
