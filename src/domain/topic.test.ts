/** Topics: their names, and what a target must meet. */
import { expect, test } from "vitest";
import { checkTarget, isMailAddress, shownAddress, topicNameOf, topicUrn } from "./topic.ts";

const SECRET = "0123456789abcdef";

test("a topic goes by its name or by its URN in its own project", () => {
  expect(topicNameOf("nightly", "p1")).toBe("nightly");
  expect(topicNameOf(topicUrn("region", "p1", "nightly"), "p1")).toBe("nightly");
  expect(topicNameOf(topicUrn("region", "p2", "nightly"), "p1")).toBeUndefined();
  expect(topicNameOf("urn:other:region:p1:nightly", "p1")).toBeUndefined();
});

test.each([
  ["https://hooks.example/T0/B0?x=1", SECRET, 0],
  ["http://hooks.example", SECRET, 0],
  ["ftp://hooks.example", SECRET, 1],
  ["hooks.example", SECRET, 1],
  ["https://user:pass@hooks.example", SECRET, 1],
  [`https://hooks.example/${"x".repeat(2_048 - 22)}`, SECRET, 0],
  [`https://hooks.example/${"x".repeat(2_049 - 22)}`, SECRET, 1],
  ["https://hooks.example", SECRET.slice(1), 1],
  ["https://hooks.example", "x".repeat(256), 0],
  ["https://hooks.example", "x".repeat(257), 1],
])("a target at %s is checked", (url, secret, problems) => {
  expect(checkTarget({ url, secret })).toHaveLength(problems);
});

test.each(["ada@example.com", "a.b+c@sub.example.co", "a@localhost", `${"x".repeat(64)}@example.com`])(
  "%s is a mail address",
  (mail) => {
    expect(isMailAddress(mail)).toBe(true);
    expect(checkTarget({ mail })).toEqual([]);
    expect(shownAddress({ mail })).toBe(`mailto:${mail}`);
  },
);

test.each([
  "",
  "ada",
  "ada@",
  "@example.com",
  "ada@example..com",
  "ada@-example.com",
  "Ada <ada@example.com>",
  "ada@example.com, bob@example.com",
  "ada@example.com\r\nBcc: bob@example.com",
  "ada@example.com\n",
  "ada @example.com",
  `${"x".repeat(65)}@example.com`,
  `ada@${"x.".repeat(130)}com`,
])("%j is no mail address", (mail) => {
  expect(checkTarget({ mail })).toHaveLength(1);
});
