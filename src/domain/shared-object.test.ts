import { expect, test } from "vitest";
import {
  checkMayCancel,
  checkMayDelete,
  checkMayUpdate,
  formatObjectId,
  parseObjectId,
  type SharedObject,
} from "./shared-object.ts";

const MINE = "1".repeat(32);
const object = (changes: Partial<SharedObject> & Record<string, unknown> = {}): SharedObject => ({
  id: "2".repeat(32),
  projectId: MINE,
  name: "n",
  isPublic: false,
  isProtected: false,
  createdAt: new Date(0),
  ...changes,
});

test("only the own project changes, deletes or cancels", () => {
  const foreign = object({ projectId: "3".repeat(32), isPublic: true });
  for (const act of [checkMayDelete, checkMayCancel])
    expect(() => act(foreign, MINE)).toThrow(/belongs to another project/);
  expect(() => checkMayUpdate(foreign, MINE, { isPublic: false })).toThrow(/belongs to another project/);
  expect(() => checkMayDelete(object(), MINE)).not.toThrow();
});

test("a protected object is neither deleted nor cancelled; null protects nothing", () => {
  for (const act of [checkMayDelete, checkMayCancel]) {
    expect(() => act(object({ isProtected: true }), MINE)).toThrow(/is protected/);
    expect(() => act(object({ isProtected: null }), MINE)).not.toThrow();
  }
});

test.each([
  [{ name: "z" }, false],
  [{ description: "d" }, false],
  [{ isProtected: true }, false],
  [{}, false],
  [{ isProtected: false }, true],
  [{ isProtected: null, name: "z" }, true],
  [{ isPublic: true }, true],
  [{ isPublic: true, name: "n" }, true],
  [{ isPublic: true, isProtected: true }, true],
  [{ isPublic: true, name: "z" }, false],
  [{ isPublic: true, extra: {} }, false],
])("changing %o of a protected object", (changes, allowed) => {
  const act = () => checkMayUpdate(object({ isProtected: true }), MINE, changes);
  if (allowed) expect(act).not.toThrow();
  else expect(act).toThrow(/is protected/);
});

test("an id has one spelling", () => {
  const id = "0123abcd-0123-4abc-8def-0123456789ab";
  expect(parseObjectId(id)).toBe(id.replaceAll("-", ""));
  expect(formatObjectId(id.replaceAll("-", ""))).toBe(id);
  for (const wrong of ["", "abc", id.toUpperCase(), id.replaceAll("-", ""), `${id} `, `${id}\n`])
    expect(parseObjectId(wrong)).toBeUndefined();
});
