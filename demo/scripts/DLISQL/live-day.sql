-- The first day of the year as a text file in order of time, for the job that replays it.
copy (
  select strftime(date, '%H:%M') as time, origin, destination, delay
  from 'obs://demo/flights/flights-3m.parquet'
  where date >= '2001-01-01' and date < '2001-01-02'
  order by date, origin, destination, delay
) to 'obs://demo/live/2001-01-01.csv' (format csv, header);

select count(*) as flights from 'obs://demo/live/2001-01-01.csv';
