-- The day takes the place of what the warehouse had of it: run twice, it is there once. Days that are stored at the same
-- time make the table one after the other.
select pg_advisory_xact_lock(20010101);

create table if not exists flight_day (
  day date primary key,
  month text not null,
  flights integer not null,
  suspect integer not null,
  late integer not null,
  delay_minutes bigint not null
);

insert into flight_day (day, month, flights, suspect, late, delay_minutes)
select '${day}', left('${day}', 7), (d ->> 0)::integer, (d ->> 1)::integer, (d ->> 2)::integer, (d ->> 3)::bigint
from json_array_elements($rows$#{Job.getNodeOutput('count')}$rows$::json) as d
on conflict (day) do update
set flights = excluded.flights, suspect = excluded.suspect, late = excluded.late, delay_minutes = excluded.delay_minutes;

select day, flights from flight_day where day = '${day}';
