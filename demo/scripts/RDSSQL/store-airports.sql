create table if not exists airport (
  iata text primary key,
  name text not null,
  city text,
  state text,
  latitude double precision not null,
  longitude double precision not null
);
delete from airport;
insert into airport (iata, name, city, state, latitude, longitude)
select a ->> 0, a ->> 1, a ->> 2, a ->> 3, (a ->> 4)::double precision, (a ->> 5)::double precision
from json_array_elements($rows$#{Job.getNodeOutput('airports')}$rows$::json) as a;

-- Fails when a flight starts or lands where there is no airport.
do $check$
declare
  strangers text := (
    select string_agg(distinct iata, ', ')
    from (select origin as iata from flight_route union select destination from flight_route) as named
    where iata not in (select iata from airport)
  );
begin
  if strangers is not null then raise exception 'airports that nobody knows: %', strangers; end if;
end
$check$;

select count(*) as airports, count(distinct state) as states from airport;
