-- Fails unless the days that were stored before, and the routes, both add up to what the file's own check has counted.
do $check$
declare
  counted bigint := $rows$#{Job.getNodeOutput('quality')}$rows$::json -> 0 ->> 0;
  in_days bigint := (select coalesce(sum(flights), 0) from flight_day where month = '${month}');
  in_routes bigint := (select coalesce(sum(flights), 0) from flight_route where month = '${month}');
begin
  if in_days <> counted or in_routes <> counted then
    raise exception '${month}: % flights were counted, % are stored by day and % by route', counted, in_days, in_routes;
  end if;
end
$check$;

select month, sum(flights) as flights, count(*) as days from flight_day where month = '${month}' group by month;
