-- For the map: each airport with its place, its departures and how late they are.
select
  iata,
  latitude,
  longitude,
  sum(flights) as flights,
  round(1.0 * sum(delay_minutes) / nullif(sum(flights - suspect), 0), 2) as mean_delay_minutes
from flight_route join airport on iata = origin
group by iata, latitude, longitude
order by flights desc, iata;
