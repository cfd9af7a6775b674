-- The airports that the flights name, with where they are. "NA" is the file's word for a state or city that is missing.
with named as (
  select origin as iata from 'obs://demo/clean/*.parquet' union select destination from 'obs://demo/clean/*.parquet'
)
select
  iata,
  a.name,
  nullif(a.city, 'NA') as city,
  nullif(a.state, 'NA') as state,
  a.latitude,
  a.longitude
from named join read_csv('obs://demo/airports/airports.csv', nullstr = '') as a using (iata)
order by iata;
