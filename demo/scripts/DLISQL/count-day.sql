-- One day of flights, out of three million, summed up. Fails for a day without flights, or whose delays cannot be true.
with flight as (
  select delay, delay < -120 as suspect
  from 'obs://demo/flights/flights-3m.parquet'
  where date >= '${day}'::timestamp and date < '${day}'::timestamp + interval 1 day
)
select
  case
    when count(*) = 0 then error('there is no flight on ${day}')
    when count(*) filter (where suspect) > count(*) / 100 then error('the delays of ${day} cannot be true')
    else count(*)
  end as flights,
  count(*) filter (where suspect) as suspect,
  count(*) filter (where delay > 15 and not suspect) as late,
  coalesce(sum(delay) filter (where not suspect), 0)::bigint as delay_minutes
from flight;
