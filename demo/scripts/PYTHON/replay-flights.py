"""Replays one day of flights and keeps running counts; its argument is the seconds that a quarter of an hour takes.

It ends when the day does. The job is a real-time one: the engine starts the day again.
"""
import csv
import sys
import time
from collections import Counter

SLOT_MINUTES = 15


def minutes(clock):
    return int(clock[:2]) * 60 + int(clock[3:])


def main(pace):
    with open("2001-01-01.csv", newline="") as file:
        flights = list(csv.DictReader(file))
    if len(flights) != 14828:
        raise SystemExit(f"the day has 14828 flights, the file {len(flights)}")
    print(f"replaying {len(flights)} flights of 2001-01-01", flush=True)
    seen, late, busiest, position = 0, 0, Counter(), 0
    started = time.monotonic()
    for slot in range(24 * 60 // SLOT_MINUTES):
        end = (slot + 1) * SLOT_MINUTES
        while position < len(flights) and minutes(flights[position]["time"]) < end:
            flight = flights[position]
            seen += 1
            late += int(flight["delay"]) > 15
            busiest[flight["origin"]] += 1
            position += 1
        airport, departures = busiest.most_common(1)[0] if busiest else ("none", 0)
        print(f"{end // 60:02d}:{end % 60:02d} {seen} flights, {late} late, busiest {airport} ({departures})", flush=True)
        time.sleep(max(0, started + (slot + 1) * pace - time.monotonic()))
    if seen != len(flights):
        raise SystemExit(f"{len(flights) - seen} flights were not replayed")
    print(f"the day is over: {seen} flights", flush=True)


main(float(sys.argv[1]))
