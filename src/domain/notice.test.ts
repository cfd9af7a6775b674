/** Notices: what may be published, how often it is tried, and what a target is sent. */
import { expect, test } from "vitest";
import { checkNotice, nextTryAt, noticeBody, noticeMailText, SUBJECT_MAX } from "./notice.ts";

const NOW = new Date("2026-11-23T06:00:00.000Z");

test("a notice has a subject and a message within their lengths", () => {
  const check = (subject: string, message: string) => checkNotice({ subject, message }).length;
  expect(check("s", "m")).toBe(0);
  expect(check("s".repeat(SUBJECT_MAX), "é".repeat(128 * 1024))).toBe(0);
  expect(check("s".repeat(SUBJECT_MAX + 1), "m")).toBe(1);
  expect(check("s", `${"é".repeat(128 * 1024)}m`)).toBe(1);
  expect(check(" ", "")).toBe(2);
  expect(check("s\0", "m")).toBe(1);
  expect(check("s", "m\0")).toBe(1);
});

test("a delivery is tried eight times within ten and a half hours", () => {
  const waits: number[] = [];
  for (let tries = 1; ; tries += 1) {
    const next = nextTryAt(tries, NOW);
    if (next === undefined) break;
    waits.push((next.getTime() - NOW.getTime()) / 1000);
  }
  expect(waits).toEqual([10, 60, 300, 900, 3600, 10_800, 21_600]);
});

test("what a target is sent cannot be put in the place of its own members by whoever publishes", () => {
  const notice = { id: 7, subject: "s", message: "m", publishedAt: NOW, detail: { id: "no", job: "j" } };
  expect(JSON.parse(noticeBody(notice, { name: "t", urn: "urn:smn:r:p:t" }))).toEqual({
    id: "7",
    topic: "t",
    urn: "urn:smn:r:p:t",
    subject: "s",
    message: "m",
    publishedAt: "2026-11-23T06:00:00.000Z",
    job: "j",
  });
});

test("a mail has the message, then what else is known line by line", () => {
  const notice = { subject: "s", message: "m\n", detail: { job: "j", instanceId: 7 } };
  expect(noticeMailText(notice, { name: "t" })).toBe("m\n\n\njob: j\ninstanceId: 7\ntopic: t\n");
});
