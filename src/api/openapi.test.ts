/** The OpenAPI page of a face. */
import { type Static, Type } from "typebox";
import { expect, test } from "vitest";
import { checkSchema } from "./check-schema.ts";
import type { Contract, FaceContract } from "./contract.ts";
import { readBody } from "./factory/request-wire.ts";
import { describeFace } from "./openapi.ts";
import { NO_CONTENT, type Route } from "./route.ts";

const FACE: FaceContract = {
  title: "A face",
  description: "For tests.",
  version: "1",
  headers: Type.Object({ workspace: Type.Optional(Type.String({ description: "Which." })) }),
  refusals: { statuses: [400, 404], body: Type.Object({ error: Type.String() }) },
};

function route(method: "GET" | "PUT", path: string, contract: Partial<Contract> = {}): Route {
  const whole = {
    operation: `${method}${path}`,
    summary: "Does it",
    tag: "Things",
    replies: {},
    ...contract,
  };
  return { method, path, role: "reader", contract: whole, handle: async () => NO_CONTENT };
}

function pathsOf(...routes: Route[]) {
  return describeFace(routes, FACE).paths as Record<string, Record<string, Record<string, unknown>>>;
}

test("an operation has its place, its parameters, its replies and every refusal of the face", () => {
  const query = Type.Object({
    name: Type.String({ description: "Whose." }),
    limit: Type.Integer({ minimum: 1, maximum: 9, default: 5 }),
    tag: Type.Optional(Type.String()),
  });
  const replies = { 200: [Type.Object({ path: Type.String() }), "bytes"], 204: "nothing" } as const;
  const contract = { operation: "show_thing", summary: "Shows a thing", tag: "Things", query, replies };
  expect(pathsOf(route("GET", "/v1/:project_id/things/:thing_id", contract))).toEqual({
    "/v1/{project_id}/things/{thing_id}": {
      parameters: [
        { name: "project_id", in: "path", required: true, schema: { type: "string" } },
        { name: "thing_id", in: "path", required: true, schema: { type: "string" } },
        { $ref: "#/components/parameters/workspace" },
      ],
      get: {
        operationId: "show_thing",
        summary: "Shows a thing",
        description: "Needs the role `reader` in the project.",
        tags: ["Things"],
        parameters: [
          { name: "name", in: "query", required: true, description: "Whose.", schema: { type: "string" } },
          { name: "limit", in: "query", schema: { type: "integer", minimum: 1, maximum: 9, default: 5 } },
          { name: "tag", in: "query", schema: { type: "string" } },
        ],
        responses: {
          200: {
            description: "OK",
            content: {
              "application/json": {
                schema: { type: "object", required: ["path"], properties: { path: { type: "string" } } },
              },
              "application/octet-stream": {},
            },
          },
          204: { description: "No Content" },
          400: { $ref: "#/components/responses/BadRequest" },
          404: { $ref: "#/components/responses/NotFound" },
        },
      },
    },
  });
});

test("what the operations refer to is there", () => {
  const refusal = {
    content: { "application/json": { schema: { $ref: "#/components/schemas/Refusal" } } },
  };
  expect(describeFace([], FACE)).toMatchObject({
    openapi: "3.1.0",
    info: { title: "A face", description: "For tests.", version: "1" },
    security: [{ token: [] }, { signature: [] }],
    components: {
      securitySchemes: { token: { name: "X-Auth-Token" }, signature: { name: "Authorization" } },
      parameters: {
        workspace: { name: "workspace", in: "header", description: "Which.", schema: { type: "string" } },
      },
      schemas: { Refusal: FACE.refusals.body },
      responses: { BadRequest: refusal, NotFound: refusal },
    },
  });
});

test("methods of one path stand together, and routes without a contract are left out", () => {
  const silent: Route = { method: "GET", path: "/b", role: "reader", handle: async () => NO_CONTENT };
  const open: Route = { method: "OPTIONS", path: "/a", role: "public", handle: async () => NO_CONTENT };
  const paths = pathsOf(route("GET", "/a"), silent, open, route("PUT", "/a"));
  expect(Object.keys(paths)).toEqual(["/a"]);
  expect(Object.keys(paths["/a"] ?? {})).toEqual(["parameters", "get", "put"]);
});

const Body = Type.Object({
  name: Type.String(),
  count: Type.Optional(Type.Integer({ maximum: 3 })),
  kind: Type.Optional(Type.Enum(["a", "b"])),
  fixed: Type.Optional(Type.Literal("x")),
  either: Type.Optional(Type.Union([Type.Integer(), Type.Object({ deep: Type.Optional(Type.Boolean()) })])),
  anything: Type.Optional(Type.Unknown()),
  list: Type.Optional(Type.Array(Type.Object({ one: Type.Optional(Type.String()), two: Type.String() }))),
  named: Type.Optional(Type.Record(Type.String(), Type.Integer())),
});

function bodyOf(body: typeof Body) {
  const { requestBody } = pathsOf(route("PUT", "/a", { body }))["/a"]?.put ?? {};
  return requestBody as { required: boolean; content: { "application/json": { schema: typeof Body } } };
}

const SENT: readonly (readonly [body: unknown, allowed: boolean])[] = [
  [{ name: "n" } satisfies Static<typeof Body>, true],
  [
    {
      name: "n",
      count: null,
      kind: null,
      fixed: null,
      either: null,
      anything: null,
      list: null,
      named: null,
    },
    true,
  ],
  [{ name: "n", either: { deep: null }, list: [{ one: null, two: "t" }], named: { a: null } }, true],
  [{ name: "n", count: 3, kind: "b", fixed: "x", either: 1, named: { a: 1 }, more: true }, true],
  [{ name: null }, false],
  [{ name: "n", count: 4 }, false],
  [{ name: "n", kind: "c" }, false],
  [{ name: "n", fixed: "y" }, false],
  [{ name: "n", list: [null] }, false],
  [{ name: "n", list: [{ two: null }] }, false],
  [{ name: "n", named: { a: "1" } }, false],
];

/** Whether the body passes the door that the page speaks of. */
function isRead(body: unknown): boolean {
  try {
    readBody(Body, body);
    return true;
  } catch {
    return false;
  }
}

test("null is allowed where a client may leave a member out, at any depth, and nowhere else", () => {
  const { required, content } = bodyOf(Body);
  expect(required).toBe(true);
  for (const [body, allowed] of SENT)
    expect(
      [checkSchema(content["application/json"].schema, body).length === 0, isRead(body)],
      JSON.stringify(body),
    ).toEqual([allowed, allowed]);
});

test("a body of which nothing must be given may be absent, or null", () => {
  const { requestBody } =
    pathsOf(route("PUT", "/a", { body: Type.Object({ a: Type.Optional(Type.Null()) }) }))["/a"]?.put ?? {};
  expect(requestBody).toMatchObject({
    required: false,
    content: { "application/json": { schema: { type: ["object", "null"] } } },
  });
});
