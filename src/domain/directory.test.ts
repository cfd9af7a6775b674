/** Trees of directories from the texts that objects have for them. */
import { expect, test } from "vitest";
import { type Directory, directoryName, directoryTree, findDirectory, parentPath } from "./directory.ts";

/** Each directory as a line: its path, what lies in it, how that spells it. */
function linesOf(tree: Directory): string[] {
  return [`${tree.path} ${tree.count} ${tree.spellings.join()}`, ...tree.below.flatMap(linesOf)];
}

const named = (...spellings: readonly string[]) =>
  directoryTree(spellings.map((spelling, place) => ({ spelling, count: place + 1 })));

test.each([
  [[], ["/ 0 "]],
  [["/"], ["/ 1 /"]],
  [["", "/", "//"], ["/ 6 ,/,//"]],
  [
    ["/b", "/a"],
    ["/ 0 ", "/a 2 /a", "/b 1 /b"],
  ],
  [["/a/b/c"], ["/ 0 ", "/a 0 ", "/a/b 0 ", "/a/b/c 1 /a/b/c"]],
  [
    ["/a", "a", "/a/", "/a//b"],
    ["/ 0 ", "/a 6 /a,a,/a/", "/a/b 4 /a//b"],
  ],
  [
    ["/..", "/../."],
    ["/ 0 ", "/.. 1 /..", "/../. 2 /../."],
  ],
  [["/中/文"], ["/ 0 ", "/中 0 ", "/中/文 1 /中/文"]],
])("%j are the directories %j", (spellings, lines) => {
  expect(linesOf(named(...spellings))).toEqual(lines);
});

test("a directory is found by what it is, and knows its name and the one above it", () => {
  const tree = named("/a/b");
  const find = (path: string) => findDirectory(tree, (one) => one.path === path);
  expect(find("/x")).toBeUndefined();
  expect(
    ["/", "/a", "/a/b"].map((path) => find(path)).map((one) => one && [directoryName(one), parentPath(one)]),
  ).toEqual([
    ["/", undefined],
    ["a", "/"],
    ["b", "/a"],
  ]);
});
