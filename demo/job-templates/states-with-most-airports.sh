#!/bin/sh
# The states with the most airports, out of the file that lies beside this script.
set -eu
count=${1:-10}
test "$(head -n 1 airports.csv)" = "iata,name,city,state,country,latitude,longitude"
awk -F, 'NR > 1 && $(NF - 2) == "USA" { airports[$(NF - 3)] += 1 } END { for (s in airports) print airports[s], s }' airports.csv |
  sort -k1,1nr -k2,2 | head -n "$count"
