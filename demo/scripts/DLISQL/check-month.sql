-- Fails unless the cleaned file holds exactly the month's flights. `expected` is the published figure, where one is given.
with flight as (
  select * from 'obs://demo/clean/flights-${month}.parquet'
), counted as (
  select
    count(*) as found,
    count(*) filter (where delay_minutes is null) as without_delay,
    count(*) filter (where strftime(departed_at, '%Y-%m') <> '${month}') as outside,
    count(*) filter (where suspect) as suspect
  from flight
), source as (
  select count(*) as flights from 'obs://demo/flights/flights-3m.parquet' where strftime(date, '%Y-%m') = '${month}'
), airport as (
  select iata from read_csv('obs://demo/airports/airports.csv', nullstr = '')
), stranger as (
  select count(*) as airports
  from (select origin as iata from flight union select destination from flight)
  where iata not in (select iata from airport)
)
select
  case
    when found = 0 then error('there is no flight in ${month}')
    when found <> flights then error(format('{} flights were kept of {}', found, flights))
    when '${expected}' <> '' and found <> try_cast('${expected}' as bigint)
      then error(format('{} flights, where the published figure is ${expected}', found))
    when without_delay > 0 then error(format('{} flights have no delay', without_delay))
    when outside > 0 then error(format('{} flights lie outside ${month}', outside))
    when airports > 0 then error(format('{} airports are not in the list of airports', airports))
    when suspect > found / 1000 then error(format('{} delays cannot be true', suspect))
    else found
  end as flights,
  suspect
from counted, source, stranger;
