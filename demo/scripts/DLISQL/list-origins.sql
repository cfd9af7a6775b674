-- The airport that each of three million flights left from, a line each.
copy (
  select origin from 'obs://demo/flights/flights-3m.parquet'
) to 'obs://demo/engines/${run}/lines/origins.txt' (format csv, header false);

select count(*) as lines
from read_csv('obs://demo/engines/${run}/lines/origins.txt', header = false, columns = {'origin': 'varchar'});
