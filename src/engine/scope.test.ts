/** Texts of nodes that look things up, and what a node's expressions see of the nodes before it. */
import { expect, test } from "vitest";
import { worldOf } from "../../test/setup/expression-world.ts";
import { createScope, type Outside } from "./scope.ts";

function scopeWith(outside: Partial<Outside>) {
  const asked: string[] = [];
  let loads = 0;
  const scope = createScope(
    async () => {
      loads += 1;
      return worldOf({ ownCalendar: "own" });
    },
    {
      obsPathExists: async (path) => {
        asked.push(path);
        return path.endsWith("there");
      },
      calendar: async () => undefined,
      ...outside,
    },
  );
  return { scope, asked, loads: () => loads };
}

test("a text without expressions loads nothing", async () => {
  const { scope, loads } = scopeWith({});
  expect(await scope.render("plain $1 #x")).toBe("plain $1 #x");
  expect(await scope.holds(" ")).toBe(true);
  expect(loads()).toBe(0);
});

test("paths are looked up once each, those of the branch that is taken too", async () => {
  const { scope, asked, loads } = scopeWith({});
  const is = (path: string) => `OBSUtil.isExistOBSPath('obs://b/${path}')`;
  const text = `#{${is("there")} ? ${is("2/there")} : ${is("3")}} #{${is("there")}}`;
  expect(await scope.render(text)).toBe("true true");
  expect(await scope.holds(`#{!${is("4")}}`)).toBe(true);
  // The third was asked for while the first was not known.
  expect(asked).toEqual(["obs://b/there", "obs://b/3", "obs://b/2/there", "obs://b/4"]);
  expect(loads()).toBe(1);
});

test("stored calendars are looked up by name; the job's own serves the functions that name none", async () => {
  const { scope } = scopeWith({
    calendar: async (name) => (name === "gone" ? undefined : (day) => day % 7 === 0),
  });
  // Of the days since 1970-01-01, a Thursday, every seventh is a Thursday.
  expect(await scope.render("#{Job.getPreviousWorkday(1, 'yyyy-MM-dd E')}")).toBe("2024-01-04 Thu");
  expect(await scope.render("#{Job.getCalendarNextWorkday('other', 2, 'MM-dd')}")).toBe("01-18");
  await expect(scope.render("#{Job.getCalendarNextWorkday('gone', 1, 'dd')}")).rejects.toMatchObject({
    code: "expression-invalid",
    message: expect.stringContaining('no calendar "gone"'),
  });
});

test("lookups have a bound, and what a lookup refuses is said", async () => {
  const { scope } = scopeWith({});
  const many = Array.from({ length: 201 }, (_, at) => `#{OBSUtil.isExistOBSPath('obs://b/${at}')}`).join("");
  await expect(scope.render(many)).rejects.toMatchObject({ code: "expression-invalid" });
  const failing = scopeWith({
    obsPathExists: async () => {
      throw new RangeError("no such bucket");
    },
  });
  await expect(failing.scope.render("#{OBSUtil.isExistOBSPath('x')}")).rejects.toThrow("no such bucket");
});
