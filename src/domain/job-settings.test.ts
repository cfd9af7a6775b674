/** The `azalai.…` custom fields of a job. */
import { expect, test } from "vitest";
import { readJobSettings } from "./job-settings.ts";

test("settings are read from texts and numbers; fields without the prefix are the user's own", () => {
  const fields = { "azalai.catchUp": "last", "azalai.overlap": 3, "azalai.catchUpSeconds": " 60 ", team: 7 };
  expect(readJobSettings(fields)).toEqual({
    settings: { catchUp: "last", overlap: 3, catchUpSeconds: 60 },
    problems: [],
  });
});

test.each([
  ["azalai.missingHour", "drop", "azalai.missingHour: must be one of shift, skip"],
  ["azalai.overlap", "0", "azalai.overlap: must be a whole number from 1 to 128"],
  ["azalai.overlap", "129", "azalai.overlap: must be a whole number from 1 to 128"],
  ["azalai.overlap", { more: 1 }, "azalai.overlap: must be a whole number from 1 to 128"],
  ["azalai.calendar", "", "azalai.calendar: must be a text of 1 to 128 characters"],
])("%s: %j is refused with its rule", (field, value, problem) => {
  expect(readJobSettings({ [field]: value })).toEqual({ settings: {}, problems: [problem] });
});

test("a key that is no setting is refused, so that a slip of the pen is seen", () => {
  const { problems } = readJobSettings({ "azalai.catchup": "all", "azalai.constructor": "x" });
  expect(problems).toHaveLength(2);
  expect(problems[0]).toMatch(/^azalai.catchup: is no setting; there are missingHour, /);
});
