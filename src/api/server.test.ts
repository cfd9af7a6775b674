/** The HTTP skeleton through a small face: ids, bodies, refusals. */
import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import type { InjectOptions } from "fastify";
import { expect, test } from "vitest";
import { Fault } from "../domain/fault.ts";
import type { Caller } from "../domain/user.ts";
import { type Face, json, NO_CONTENT } from "./route.ts";
import { createServer } from "./server.ts";

const caller: Caller = {
  userId: "u",
  userName: "ann",
  projectId: "p1",
  role: "member",
  workspaceRoles: new Map(),
  credential: { kind: "token", id: "t" },
};

const face: Face = {
  name: "test",
  owns: (path) => path.startsWith("/t/"),
  projectOf: (params) => params.project_id,
  encodeFault: (fault, request) => ({
    status: 418,
    json: { kind: fault.kind, code: fault.code, message: fault.message, path: request.path },
  }),
  rewritePath: (path) => path.replace(/\.json$/, ""),
  routes: [
    {
      method: "GET",
      path: "/t/:project_id/things",
      role: "reader",
      handle: async ({ query, caller: { userName } }) => json(200, { query, userName }),
    },
    {
      method: "POST",
      path: "/t/:project_id/things",
      role: "member",
      bodyBytesMax: 2000,
      handle: async ({ body, bodySha256 }) => json(200, { body: body ?? "nothing", bodySha256 }),
    },
    { method: "DELETE", path: "/t/:project_id/things", role: "admin", handle: async () => NO_CONTENT },
    {
      method: "PUT",
      path: "/t/:project_id/upload",
      role: "member",
      body: "stream",
      handle: async ({ stream }) => json(200, { length: stream ? (await text(stream)).length : -1 }),
    },
    {
      method: "GET",
      path: "/t/broken",
      role: "public",
      handle: () => Promise.reject(new TypeError("secret detail")),
    },
    {
      method: "GET",
      path: "/t/outage",
      role: "public",
      handle: () => Promise.reject(Object.assign(new Error("the database starts"), { code: "57P03" })),
    },
    {
      method: "GET",
      path: "/t/:project_id/named/:name",
      role: "reader",
      handle: async ({ params }) => json(200, { params }),
    },
  ],
};

async function setup() {
  const observations: unknown[] = [];
  let count = 0;
  const app = await createServer({
    faces: [face],
    authenticate: async (request, projectId) => {
      if (request.headers["x-auth-token"] !== "good" || projectId !== "p1")
        throw new Fault("unauthenticated", "credentials-refused", "no");
      return caller;
    },
    observe: (observation) => observations.push(observation),
    elapsedMs: () => 0,
    newId: () => (++count).toString(16).padStart(32, "0"),
    checkReady: async () => undefined,
  });
  const send = async (options: InjectOptions) => {
    const response = await app.inject({
      ...options,
      headers: { "x-auth-token": "good", ...options.headers },
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      body: response.body === "" ? undefined : JSON.parse(response.body),
    };
  };
  return { app, send, observations };
}

const post = (
  payload: string | Buffer,
  headers: Record<string, string> = { "content-type": "application/json" },
): InjectOptions => ({
  method: "POST",
  url: "/t/p1/things",
  payload,
  headers,
});

test("an answer carries the request's id in both headers", async () => {
  const { send } = await setup();
  const { headers, body } = await send({ url: "/t/p1/things?a=1&a=2&b=%C3%BC" });
  expect(headers["x-request-id"]).toBe("00000000000000000000000000000001");
  expect(headers["x-openstack-request-id"]).toBe("req-00000000-0000-0000-0000-000000000001");
  expect(body).toEqual({ query: { a: ["1", "2"], b: "ü" }, userName: "ann" });
});

test("no caller, a foreign project and a role too low are refused in the face's own shape", async () => {
  const { send } = await setup();
  expect((await send({ url: "/t/p1/things", headers: { "x-auth-token": "bad" } })).body.code).toBe(
    "credentials-refused",
  );
  expect((await send({ url: "/t/p2/things" })).body.code).toBe("credentials-refused");
  expect((await send({ method: "DELETE", url: "/t/p1/things" })).body.code).toBe("role-missing");
});

test("a JSON body is parsed after its bytes were hashed; an empty one is absent", async () => {
  const { send } = await setup();
  const hash = createHash("sha256").update('{"a":1}').digest("hex");
  expect((await send(post('{"a":1}'))).body).toEqual({ body: { a: 1 }, bodySha256: hash });
  expect((await send(post(""))).body.body).toBe("nothing");
  expect((await send(post('{"a":1}', {}))).body.body).toEqual({ a: 1 });
});

test("a body that is broken, too deep, not UTF-8, unstorable or too large is refused", async () => {
  const { send } = await setup();
  const code = async (payload: string | Buffer) => (await send(post(payload))).body.code;
  expect(await code('{"a":')).toBe("body-unreadable");
  expect(await code("[".repeat(200) + "]".repeat(200))).toBe("body-unreadable");
  expect(await code(Buffer.from([0x22, 0xff, 0xfe, 0x22]))).toBe("body-unreadable");
  expect(await code('{"a":"x\\u0000y"}')).toBe("request-invalid");
  expect(await code('{"a":"\\ud800"}')).toBe("request-invalid");
  expect(await code(`"${"x".repeat(3000)}"`)).toBe("body-too-large");
  expect((await send(post('{"a":"\\\\u0000 \\u00fc"}'))).body.body).toEqual({ a: "\\u0000 ü" });
});

test("a stream route hands its body over unread", async () => {
  const { send } = await setup();
  const payload = "z".repeat(3_000_000);
  expect(
    (
      await send({
        method: "PUT",
        url: "/t/p1/upload",
        payload,
        headers: { "content-type": "application/x-tar" },
      })
    ).body,
  ).toEqual({ length: 3_000_000 });
  expect((await send({ method: "PUT", url: "/t/p1/upload", payload: "abc" })).body).toEqual({ length: 3 });
});

test("a path of the face without a route, and a wrong method, are told apart", async () => {
  const { send } = await setup();
  expect((await send({ url: "/t/p1/nothing" })).body).toMatchObject({
    code: "route-missing",
    path: "/t/p1/nothing",
  });
  expect((await send({ method: "PATCH", url: "/t/p1/things" })).body.code).toBe("method-refused");
});

test("a path of no face is answered in every face's words at once", async () => {
  const { send } = await setup();
  const { status, body } = await send({ url: "/elsewhere" });
  expect(status).toBe(404);
  expect(Object.keys(body).sort()).toEqual([
    "error",
    "error_code",
    "error_message",
    "error_msg",
    "error_name",
  ]);
});

test("an address that cannot be decoded or stored is refused", async () => {
  const { send } = await setup();
  expect((await send({ url: "/t/p1/named/%zz" })).status).toBeGreaterThanOrEqual(400);
  expect((await send({ url: "/t/p1/named/a%00b" })).body.code).toBe("request-invalid");
  expect((await send({ url: "/t/p1/things?x=%00" })).body.code).toBe("request-invalid");
  expect((await send({ url: "/t/p1/named/a%2Fb%20%C3%BC" })).body).toEqual({
    params: { project_id: "p1", name: "a/b ü" },
  });
});

test("an unexpected error tells the log and not the caller", async () => {
  const { send, observations } = await setup();
  const { body } = await send({ url: "/t/broken" });
  expect(JSON.stringify(body)).not.toContain("secret detail");
  expect(body.code).toBe("server-unavailable");
  expect(observations).toContainEqual(expect.objectContaining({ event: "request-failed" }));
});

test("a database that is away for a moment is told as such, with when to ask again", async () => {
  const { app } = await setup();
  const answer = await app.inject("/t/outage");
  expect(answer.json().code).toBe("server-busy");
  expect(answer.headers["retry-after"]).toBe("1");
});

test("the router sees the rewritten path", async () => {
  const { send } = await setup();
  expect((await send({ url: "/t/p1/things.json?b=1" })).body.query).toEqual({ b: "1" });
});

test("health answers without a token", async () => {
  const { app } = await setup();
  expect((await app.inject("/healthz")).json()).toEqual({ status: "ok" });
  expect((await app.inject("/readyz")).statusCode).toBe(200);
});
