/** Queries read by a schema. */
import { Type } from "typebox";
import { expect, test } from "vitest";
import { readQuery, wordOf } from "./query.ts";
import type { Query } from "./route.ts";

const List = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
  since: Type.Optional(Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 })),
  whole: Type.Boolean({ default: false }),
  kind: wordOf({ BATCH: 1, REAL_TIME: 2 }, { default: "BATCH" }),
  name: Type.Optional(Type.String({ maxLength: 3 })),
});
const DEFAULTS = { limit: 10, whole: false, kind: "BATCH" };

const READ: readonly (readonly [query: Query, values: object])[] = [
  [{}, DEFAULTS],
  [
    { limit: "1", whole: "TRUE", kind: "REAL_TIME" },
    { limit: 1, whole: true, kind: "REAL_TIME" },
  ],
  [{ limit: "100" }, { ...DEFAULTS, limit: 100 }],
  [{ limit: "007" }, { ...DEFAULTS, limit: 7 }],
  [{ since: "8640000000000000" }, { ...DEFAULTS, since: 8_640_000_000_000_000 }],
  [{ whole: "False" }, DEFAULTS],
  // A text stays one, whatever it looks like.
  [{ name: "12" }, { ...DEFAULTS, name: "12" }],
  [{ name: "" }, { ...DEFAULTS, name: "" }],
  // Of several values the first counts; nobody knows what others mean.
  [
    { limit: ["2", "300"], other: "x", toString: "y" },
    { ...DEFAULTS, limit: 2 },
  ],
];

test("each value has its member's type, an absent one its default", () => {
  for (const [query, values] of READ) expect(readQuery(List, query), JSON.stringify(query)).toEqual(values);
});

const LIMIT = "limit: must be a whole number from 1 to 100";
const REFUSED: readonly (readonly [query: Query, ...problems: string[]])[] = [
  [{ limit: "0" }, LIMIT],
  [{ limit: "101" }, LIMIT],
  [{ limit: "-1" }, LIMIT],
  [{ limit: "" }, LIMIT],
  [{ limit: "1.0" }, LIMIT],
  [{ limit: "1e1" }, LIMIT],
  [{ limit: " 1" }, LIMIT],
  [{ limit: "9".repeat(400) }, LIMIT],
  [{ since: "8640000000000001" }, "since: must be a whole number from 0 to 8640000000000000"],
  [{ whole: "yes" }, "whole: must be true or false"],
  [{ kind: "batch" }, "kind: must be one of BATCH, REAL_TIME"],
  [{ name: "four" }, "name: must be a text of at most 3 characters"],
  [{ limit: "x", whole: "1" }, LIMIT, "whole: must be true or false"],
];

test("every value that does not fit is named with its rule", () => {
  for (const [query, ...problems] of REFUSED)
    expect(() => readQuery(List, query), JSON.stringify(query)).toThrow(
      expect.objectContaining({ code: "request-invalid", problems }),
    );
});
