-- Seattle on this day of the year, 2012 to 2015: four rows, or one on a leap day.
with weather as (
  select * from read_csv('obs://demo/weather/seattle-weather.csv') where strftime(date, '%m-%d') = '${day}'
)
select
  case when count(*) <> (case when '${day}' = '02-29' then 1 else 4 end)
    then error(format('{} years know the day ${day}', count(*))) else count(*) end as years,
  count(*) filter (where precipitation > 0) as wet_years,
  round(avg(temp_max), 1) as mean_high,
  min(temp_min) as lowest,
  max(temp_max) as highest
from weather;
