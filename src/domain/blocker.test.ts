/** Blockers as they are told to somebody who may not know of all workspaces. */
import { expect, test } from "vitest";
import { type Blocker, hide, sentenceOf } from "./blocker.ts";

const hidden = { workspaces: ["shop"], instances: new Set([7]) };
const holder = (instanceId: number) => ({ instanceId, jobName: `job-${instanceId}`, node: "a", since: null });

test("of a run in a closed workspace nothing is said but that it is waited for", () => {
  const dependency = (workspaceId: string): Blocker => ({
    kind: "dependency",
    jobName: "sell",
    workspaceId,
    plannedAt: new Date(0),
    instanceId: 7,
    instanceState: "running",
    failPolicy: "fail",
    reason: null,
  });
  const told = hide(dependency("shop"), hidden);
  expect(told).toEqual({ kind: "hidden-dependency" });
  expect(sentenceOf(told)).toBe("It waits for a run of a job in a workspace that is closed to you.");
  expect(hide(dependency("lab"), hidden)).toEqual(dependency("lab"));
});

test.each<[string, number[], string]>([
  ["none of them", [7], "1 run in workspaces that are closed to you."],
  ["those that may be known, and how many more", [7, 8], '"a" of instance 8 ("job-8") and 1 more.'],
  ["all", [8], '"a" of instance 8 ("job-8").'],
])("holders of a limit's slots are told of: %s", (_what, ids, end) => {
  const limit = { kind: "limit", node: "b", limitId: 1, what: "the project's limit", slots: 2 } as const;
  const told = hide({ ...limit, holders: ids.map(holder) }, hidden);
  expect(sentenceOf(told)).toBe(`Node "b" finds no free slot of the project's limit (2); in use by ${end}`);
});
