-- The month's routes take the place of what the warehouse had of them: run twice, it is there once. The whole
-- script is one transaction. Months that are stored at the same time make the table one after the other.
select pg_advisory_xact_lock(20010101);

create table if not exists flight_route (
  month text not null,
  origin text not null,
  destination text not null,
  flights integer not null,
  suspect integer not null,
  late integer not null,
  delay_minutes bigint not null,
  primary key (month, origin, destination)
);

delete from flight_route where month = '${month}';

insert into flight_route (month, origin, destination, flights, suspect, late, delay_minutes)
select '${month}', r ->> 0, r ->> 1, (r ->> 2)::integer, (r ->> 3)::integer, (r ->> 4)::integer, coalesce((r ->> 5)::bigint, 0)
from json_array_elements(($rows$#{Job.getNodeOutput('clean')}$rows$::json -> 0 ->> 0)::json) as r;

select '${month}' as month, count(*) as routes, sum(flights) as flights from flight_route where month = '${month}';
