-- What the warehouse has of each month.
select month, sum(flights) as flights, sum(suspect) as suspect from flight_day group by month order by month;
