-- Fails unless Spark and MapReduce have counted the same flights at the same airports, and all of them.
with spark as (
  select origin, count as flights from 'obs://demo/engines/${run}/by-spark/*.parquet'
), line as (
  select trim(replace(line, chr(9), ' ')) as line
  from read_csv('obs://demo/engines/${run}/by-mapreduce/part-*', header = false, delim = '|', columns = {'line': 'varchar'})
), mapreduce as (
  select split_part(line, ' ', 2) as origin, split_part(line, ' ', 1)::bigint as flights from line
), compared as (
  select
    count(*) as airports,
    count(*) filter (where s.flights is distinct from m.flights) as apart,
    sum(s.flights)::bigint as by_spark,
    sum(m.flights)::bigint as by_mapreduce
  from spark as s full join mapreduce as m using (origin)
)
select
  case
    when apart > 0 then error(format('at {} of {} airports the counts differ', apart, airports))
    when by_spark is distinct from 3000000 then error(format('Spark has counted {} flights', by_spark))
    when by_mapreduce is distinct from 3000000 then error(format('MapReduce has counted {} flights', by_mapreduce))
    else airports
  end as airports,
  by_spark,
  by_mapreduce
from compared;
