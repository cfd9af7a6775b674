-- By the state that flights start in.
select
  coalesce(state, 'unknown') as state,
  count(distinct iata) as airports,
  sum(flights) as flights,
  round(100.0 * sum(late) / sum(flights - suspect), 1) as late_percent,
  round(1.0 * sum(delay_minutes) / sum(flights - suspect), 1) as mean_delay_minutes
from flight_route join airport on iata = origin
group by 1
order by late_percent desc, state;
