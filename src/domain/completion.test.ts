/** Nodes that had succeeded by each hour: of a day so far, of the day before, on average. */
import { expect, test } from "vitest";
import { COMPLETION_STEP_MS, completionDays, completionOf } from "./completion.ts";

/** What each list says, by the hours of UTC in which something ended: a count for each. */
function check(
  { zone, date, hour = 0, now }: { zone: string; date: string; hour?: number; now: string },
  ended: Readonly<Record<string, number>>,
) {
  const [year = 0, month = 0, day = 0] = date.split("-").map(Number);
  const days = completionDays(zone, { year, month, day }, hour);
  const [first = 0] = days.before;
  const counts = new Map(
    Object.entries(ended).map(([at, count]) => [
      Math.floor((Date.parse(`${at}Z`) - first) / COMPLETION_STEP_MS),
      count,
    ]),
  );
  const { yesterday, average, today } = completionOf(days, counts, new Date(`${now}Z`));
  const text = (points: typeof today) =>
    points.map(({ at, count }) => `${new Date(at).toISOString().slice(8, 13)} ${count}`);
  return { yesterday: text(yesterday), average: text(average), today: text(today) };
}

test("each hour shows what had succeeded by then, the last one the whole day", () => {
  const { yesterday, average, today } = check(
    { zone: "UTC", date: "2026-11-23", now: "2026-11-23T02:59" },
    {
      "2026-11-15T23:59": 1000,
      "2026-11-16T00:10": 7,
      "2026-11-17T01:10": 7,
      "2026-11-22T23:45": 4,
      "2026-11-23T00:00": 2,
      "2026-11-23T01:59": 3,
      "2026-11-23T02:10": 1,
    },
  );
  expect(today).toEqual(["23T00 0", "23T01 2", "23T02 5"]);
  expect(yesterday).toHaveLength(25);
  expect([yesterday[0], yesterday[23], yesterday[24]]).toEqual(["22T00 0", "22T23 0", "23T00 4"]);
  expect(average).toHaveLength(25);
  expect([average[0], average[1], average[2], average[24]]).toEqual([
    "23T00 0",
    "23T01 1",
    "23T02 2",
    "24T00 3",
  ]);
});

test("days begin at the hour that is asked for, in the zone, and are as long as the zone has them", () => {
  const berlin = { zone: "Europe/Berlin", date: "2026-10-26", now: "2026-10-28T00:00" };
  const { yesterday, today } = check(berlin, { "2026-10-24T22:10": 1, "2026-10-25T22:45": 2 });
  expect(yesterday).toHaveLength(26);
  expect([yesterday[1], yesterday.at(-1)]).toEqual(["24T23 1", "25T23 3"]);
  expect(today).toHaveLength(25);
  expect(check({ ...berlin, hour: 10 }, {}).today[0]).toBe("26T09 0");
  const delhi = { zone: "Asia/Kolkata", date: "2026-11-23", now: "2026-11-22T20:00" };
  expect(check(delhi, { "2026-11-22T18:40": 1 }).today).toEqual(["22T18 0", "22T19 1"]);
});

test("a day that is still to come has nothing yet", () => {
  const { today, average } = check({ zone: "UTC", date: "2026-11-24", now: "2026-11-23T02:00" }, {});
  expect(today).toEqual([]);
  expect(average).toHaveLength(25);
});
