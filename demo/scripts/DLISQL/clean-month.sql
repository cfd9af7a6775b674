-- One month of flights, out of three million. Every row is kept; a delay that cannot be true (2001-02 has a flight
-- 1,116 minutes ahead of its time) is marked, and no average below counts it.
copy (
  select
    date as departed_at,
    origin,
    destination,
    distance as miles,
    delay as delay_minutes,
    delay < -120 as suspect
  from 'obs://demo/flights/flights-3m.parquet'
  where date >= '${month}-01'::timestamp and date < '${month}-01'::timestamp + interval 1 month
  order by departed_at
) to 'obs://demo/clean/flights-${month}.parquet' (format parquet, compression zstd);

-- What the warehouse keeps of it, as a JSON list of routes.
with flight as (
  select *, delay_minutes > 15 and not suspect as late from 'obs://demo/clean/flights-${month}.parquet'
), flight_route as (
  select
    origin,
    destination,
    count(*) as flights,
    count(*) filter (where suspect) as suspect,
    count(*) filter (where late) as late,
    sum(delay_minutes) filter (where not suspect) as delay_minutes
  from flight
  group by origin, destination
)
select
  to_json(
    list(json_array(origin, destination, flights, suspect, late, delay_minutes) order by origin, destination)
  ) as routes
from flight_route;
