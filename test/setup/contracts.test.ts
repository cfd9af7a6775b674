/** What is held against answers. */
import { Type } from "typebox";
import { expect, test } from "vitest";
import { type Face, NO_CONTENT, type Route } from "../../src/api/route.ts";
import { createHoldToContract } from "./contracts.ts";

const Thing = Type.Object({
  id: Type.Integer(),
  place: Type.Optional(Type.Object({ x: Type.Number() })),
  saved: Type.Optional(Type.Object({ name: Type.String() }, { additionalProperties: true })),
  named: Type.Optional(Type.Record(Type.String(), Type.Integer())),
  either: Type.Optional(
    Type.Union([Type.Array(Type.Object({ a: Type.Integer() })), Type.Object({ b: Type.Integer() })]),
  ),
});

function route(
  path: string,
  replies?: Record<number, typeof Thing | "bytes" | "nothing" | readonly (typeof Thing | "bytes")[]>,
): Route {
  const contract = replies && { operation: path, summary: "Does it", tag: "Things", replies };
  const handle = async () => NO_CONTENT;
  return { method: "GET", path, role: "reader", handle, ...(contract && { contract }) };
}

const FACE: Face = {
  name: "test",
  routes: [
    route("/things/:id", { 200: Thing, 204: "nothing" }),
    route("/things/all", { 200: [Thing, "bytes"] }),
    route("/silent"),
  ],
  contract: {
    title: "Things",
    description: "",
    version: "1",
    headers: Type.Object({}),
    refusals: { statuses: [400], body: Type.Object({ error: Type.String() }) },
  },
  owns: () => true,
  projectOf: () => undefined,
  encodeFault: () => NO_CONTENT,
};

const hold = createHoldToContract(FACE);
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };
const answer = (json: unknown, status = 200) => ({ status, json, headers: JSON_TYPE });

test("an answer that is promised passes", () => {
  for (const json of [
    { id: 1 },
    { id: 1, place: { x: 1.5 }, named: { a: 1 }, saved: { name: "n", more: [1] } },
    { id: 1, either: [{ a: 1 }] },
    { id: 1, either: { b: 1 } },
  ])
    hold("GET", "/things/7?x=1", answer(json));
  hold("GET", "/things/7", { status: 204, headers: {} });
  hold("GET", "/things/7", answer({ error: "no" }, 400));
  hold("GET", "/things/all", { status: 200, headers: { "content-type": "application/octet-stream" } });
  hold("GET", "/things/all", answer({ id: 1 }));
  // Without a contract nothing is promised.
  hold("GET", "/silent", answer(1, 299));
  hold("PUT", "/things/7", answer(1, 299));
});

test.each([
  [answer({}), "id: must be given"],
  [answer({ id: "1" }), "id: must be a whole number"],
  [answer({ id: null }), "id: must be a whole number"],
  [answer({ id: 1, place: null }), "place: must be an object"],
  [answer({ id: 1, more: 1 }), "body.more: is not named"],
  [answer({ id: 1, place: { x: 1, y: 1 } }), "body.place.y: is not named"],
  [answer({ id: 1, either: [{ a: 1, c: 1 }] }), "body.either.0.c: is not named"],
  [answer({ id: 1 }, 201), "status 201 is not promised"],
  [answer({ error: 1 }, 400), "error: must be a text"],
  [answer({ error: "no", code: 1 }, 400), "body.code: is not named"],
  [answer({ id: 1 }, 204), "the content application/json; charset=utf-8 is not promised"],
  [{ status: 200, headers: {} }, "the content nothing is not promised"],
])("%j is told: %s", (given, problem) => {
  expect(() => hold("GET", "/things/7", given)).toThrow(problem);
});
