-- Busy routes on which one is late most often: more than 15 minutes, of at least 1,000 flights.
select
  origin,
  destination,
  sum(flights) as flights,
  round(100.0 * sum(late) / sum(flights - suspect), 1) as late_percent,
  round(1.0 * sum(delay_minutes) / sum(flights - suspect), 1) as mean_delay_minutes
from flight_route
group by origin, destination
having sum(flights) >= 1000
order by late_percent desc, origin, destination
limit 20;
