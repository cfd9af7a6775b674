/** A running service under requests that nobody means well with: each is refused in words, none breaks or holds it. */
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { LOCAL_CLUSTER_ID } from "../src/domain/cluster.ts";
import { formatObjectId } from "../src/domain/shared-object.ts";
import { type Service, startService } from "./setup/service.ts";

const SLOW_MS = 120_000;
/** Far above what any of these answers takes; who waits longer hangs. */
const HANGS_MS = 20_000;
const MISSING = "00000000-0000-4000-8000-000000000000";

let service: Service;
let token: string;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

beforeAll(async () => {
  service = await startService();
  token = await service.token();
}, SLOW_MS);
afterAll(async () => {
  agent.destroy();
  await service?.remove();
}, SLOW_MS);
afterEach(async () => {
  expect((await send("GET", "/readyz")).status).toBe(200);
  expect(service.log()).not.toContain("request-failed");
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Over a kept connection, so that ten thousand of them do not use up the ports. */
async function send(
  method: string,
  path: string,
  body?: string | Buffer,
  type = "application/json",
): Promise<Answer> {
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const sent = request(`${service.url}${path}`, {
    agent,
    method,
    headers: {
      "x-auth-token": token,
      ...(bytes && { "content-type": type, "content-length": bytes.length }),
    },
    timeout: HANGS_MS,
  });
  sent.on("timeout", () => sent.destroy(new RangeError(`no answer: ${method} ${path} ${body?.toString()}`)));
  sent.end(bytes);
  const [answer] = await once(sent, "response");
  const parts: Buffer[] = await answer.toArray();
  return { status: answer.statusCode, text: Buffer.concat(parts).toString() };
}

/** Sends all, four at a time, and holds every answer to be one: below 500, and JSON where it refuses. */
async function expectAnswers(requests: Iterable<Parameters<typeof send>>): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  const waiting = Iterator.from(requests);
  const work = async () => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) {
      const { status, text } = await send(...next.value);
      const what = `${next.value.map(String).join(" ").slice(0, 500)} -> ${status} ${text.slice(0, 300)}`;
      expect(status, what).toBeLessThan(500);
      if (status >= 400) expect(() => JSON.parse(text), what).not.toThrow();
      counts[status] = (counts[status] ?? 0) + 1;
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  return counts;
}

const project = () => service.credentials.projectId;

/** Bodies that would be right, to be spoilt. */
function bodies(): [method: string, path: string, body: unknown][] {
  const v1 = `/v1/${project()}`;
  const sahara = `/v1.1/${project()}`;
  const cron = {
    startTime: "2030-01-01T00:00:00+08",
    endTime: "2031-01-01T00:00:00+08",
    expression: "0 0 0 * * ?",
    expressionTimeZone: "GMT+8",
    dependPrePeriod: false,
    dependJobs: { jobs: ["other"], dependPeriod: "SAME_PERIOD", dependFailPolicy: "FAIL" },
  };
  const node = {
    name: "a",
    type: "Dummy",
    location: { x: 1, y: "2" },
    preNodeName: ["b"],
    conditions: [{ preNodeName: "b", expression: "#{true}" }],
    properties: [{ name: "p", value: "#{Job.name}" }],
    retryTimes: 1,
  };
  const job = {
    name: "spoilt",
    processType: "BATCH",
    schedule: { type: "CRON", cron },
    nodes: [node, { name: "b", type: "Dummy", location: {}, properties: [] }],
    params: [{ name: "k", value: "v", type: "variable" }],
    directory: "/d",
    basicConfig: { owner: "o", priority: 1, tags: ["t"], customFields: { a: "b" } },
  };
  const argument = {
    name: "n",
    mapping_type: "args",
    location: "0",
    required: false,
    default: "x",
    value_type: "string",
  };
  const template = {
    name: "t",
    type: "Shell",
    mains: [MISSING],
    libs: [],
    interface: [argument],
    is_public: false,
  };
  const configs = { configs: { a: "b" }, args: ["x"], params: { A: 1 }, job_execution_info: {} };
  const credentials = { user: "u", password: "p" };
  const user = { name: "nobody", domain: { id: "default" }, password: "x" };
  const identity = { methods: ["password"], password: { user } };
  return [
    ["POST", `${v1}/jobs`, job],
    ["POST", `${v1}/jobs/none/run-immediate`, { jobParams: job.params, start_date: 20241030 }],
    ["POST", `${v1}/scripts`, { name: "s", type: "Shell", content: "true", configuration: { a: "b" } }],
    ["POST", `${v1}/connections`, { name: "c", type: "RDS", config: { ip: "10.0.0.1", password: "p" } }],
    ["PUT", `/v2/${project()}/factory/env`, { params: [{ name: "a", type: "variable", value: "v" }] }],
    ["POST", `${sahara}/jobs`, template],
    ["POST", `${sahara}/job-binaries`, { name: "b", url: `internal-db://${MISSING}`, extra: credentials }],
    ["POST", `${sahara}/data-sources`, { name: "d", type: "swift", url: "swift://c.sahara/p", credentials }],
    [
      "POST",
      `${sahara}/jobs/${MISSING}/execute`,
      { cluster_id: formatObjectId(LOCAL_CLUSTER_ID), job_configs: configs, interface: { n: "v" } },
    ],
    ["POST", "/v3/projects", { project: { name: "p", description: "d", enabled: true } }],
    ["POST", "/v3/users", { user: { name: "u", password: "long-enough-1", default_project_id: project() } }],
    ["POST", "/v3/auth/tokens", { auth: { identity, scope: { project: { id: project() } } } }],
  ];
}

const GONE = Symbol("left out");
const ODD: unknown[] = [
  GONE,
  null,
  true,
  -1,
  1.5,
  2 ** 53,
  "",
  "x\u0000y",
  "\ud800",
  "a".repeat(5000),
  "../../etc/passwd",
  "'; drop table job;--",
  "#{((((",
  "2024-13-45T99:99:99+99",
  "0 0 0 31 2 ? 9999",
  [],
  [[null]],
  {},
  { constructor: "x", toString: 1 },
  Array(300).fill("a"),
];

/** The value with each of its places, itself among them, made odd in every way. */
function* spoil(value: unknown): Generator<unknown> {
  yield* ODD;
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value))
    for (const odd of spoil(member)) {
      const entries = Object.entries(value).map(([key, kept]) => [key, key === name ? odd : kept] as const);
      const rest = entries.filter(([, kept]) => kept !== GONE);
      yield Array.isArray(value) ? rest.map(([, kept]) => kept) : Object.fromEntries(rest);
    }
}

test("a body with any of its members made odd is answered", { timeout: SLOW_MS }, async () => {
  const requests = bodies().flatMap(([method, path, body]) =>
    [...spoil(body)]
      .map((spoilt) => (spoilt === GONE ? "" : JSON.stringify(spoilt)))
      // A sender who fails to log in too often is shut out for a while; a few tries are enough.
      .slice(0, path.endsWith("/tokens") ? 100 : undefined)
      .map((text): Parameters<typeof send> => [method, path, text]),
  );
  const counts = await expectAnswers(requests);
  expect(counts[400]).toBeGreaterThan(1000);
});

test("a body that is no JSON, or says so, is refused", { timeout: SLOW_MS }, async () => {
  const texts = [
    "{",
    "nul",
    '{"a":1}{"b":2}',
    "[".repeat(200) + "]".repeat(200),
    "[".repeat(100_000),
    `{"a":${"9".repeat(5000)}`,
    Buffer.from([0xff, 0xfe, 0x00]),
    Buffer.from('{"a":"\xff"}', "latin1"),
  ];
  for (const [method, path] of bodies()) {
    const broken = texts.map((text): Parameters<typeof send> => [method, path, text]);
    expect(await expectAnswers(broken)).toEqual({ 400: texts.length });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "garbage"])
      expect([400, 415], `${path} ${type}`).toContain((await send(method, path, "{}", type)).status);
  }
});

const SEGMENTS = ["%00", "%ff", "%E0%A4%A", "..", "%2e%2e", "%2F", "a".repeat(1500), "-1", "0", "1.5", "1e3"];
const NUMBERS = ["9223372036854775807", "9223372036854775808", "99999999999999999999", "NaN"];
const NAMES = ["__proto__", "constructor", "%20", "*", "[]", "%25", "%0a", "%F0%9F%99%82", MISSING];
const PATTERNS = [
  "(a%2B)%2B%24",
  "(%3F%3Da)",
  "%5B",
  "(a)%5C1",
  "(.*)*%5E",
  "a%7B1,65535%7D",
  "%5B%5B:x:%5D%5D",
];

test("odd words in the path or the query are answered", { timeout: SLOW_MS }, async () => {
  const v1 = `/v1/${project()}`;
  const sahara = `/v1.1/${project()}`;
  const words = [...SEGMENTS, ...NUMBERS, ...NAMES];
  const places = (word: string) => [
    `/v1/${word}/jobs`,
    `${v1}/jobs/${word}`,
    `${v1}/jobs/${word}/instances/${word}`,
    `${v1}/scripts/${word}`,
    `${sahara}/jobs/${word}`,
    `${sahara}/job-executions/${word}/cancel`,
    `${sahara}/job-binaries/${word}/data`,
    `${sahara}/plugins/${word}/${word}`,
    `/v3/users/${word}`,
    `/v3/projects/${word}/users/${word}/roles/${word}`,
    `/api/instances/${word}`,
    `/api/instances/1/nodes/${word}/attempts/${word}/log`,
    `/${word}`,
  ];
  await expectAnswers(words.flatMap(places).map((path): Parameters<typeof send> => ["GET", path]));

  const lists: [path: string, names: string][] = [
    [`${v1}/jobs`, "limit offset jobType jobName tags"],
    [
      `${v1}/jobs/instances/detail`,
      "limit offset jobName minPlanTime maxPlanTime status preciseQuery instanceType",
    ],
    [`${v1}/scripts`, "limit offset scriptName"],
    [`${sahara}/jobs`, "limit marker sort_by name description type is_public created_at id tenant_id"],
    [`${sahara}/job-executions`, "limit marker sort_by status job.name cluster.name job_id start_time info"],
    [`${sahara}/data-sources`, "limit marker sort_by url credentials"],
    ["/v3/users", "name domain_id enabled"],
    ["/v3/role_assignments", "user.id scope.project.id effective"],
  ];
  const queries = lists.flatMap(([path, names]) =>
    names
      .split(" ")
      .flatMap((name) => [...words, ...PATTERNS, ""].map((value) => `${path}?${name}=${value}`)),
  );
  await expectAnswers(queries.map((path): Parameters<typeof send> => ["GET", path]));
});

/** Writes the bytes and gives all that comes back until the service hangs up. */
async function speak(text: string): Promise<string> {
  const { hostname, port } = new URL(service.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.setTimeout(HANGS_MS, () => socket.destroy(new RangeError(`no answer to ${text}`)));
  socket.write(Buffer.from(text, "latin1"));
  const parts: Buffer[] = await socket.toArray();
  return Buffer.concat(parts).toString();
}

test("requests that are no HTTP, or two at once, are refused and the connection closed", async () => {
  const path = `/v1/${project()}/jobs`;
  const head = (method: string) =>
    `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Auth-Token: ${token}\r\n`;
  const refused = [
    ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400],
    [`GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`, 400],
    [`${head("BREW")}\r\n`, 400],
    [`${head("TRACE")}\r\n`, 405],
    [
      `${head("POST")}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
      400,
    ],
    [`${head("POST")}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`, 400],
    [`${head("POST")}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n`, 400],
    [`${head("POST")}Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n`, 413],
    [`${head("GET")}X: ${"a".repeat(40_000)}\r\n\r\n`, 431],
    [`${head("GET").replace(token, "\xe9\xff")}\r\n`, 401],
    [`${head("GET")}workspace: ${"w".repeat(5000)}\r\n\r\n`, 400],
    [`GET //v1/${project()}/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 404],
  ] as const;
  for (const [text, status] of refused)
    expect(await speak(text), text.slice(0, 200)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

test("an upload that breaks off leaves nothing", async () => {
  const { hostname, port } = new URL(service.url);
  const path = `/v1.1/${project()}/job-binary-internals`;
  const socket = connect({ host: hostname, port: Number(port) });
  const head = `PUT ${path}/half HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${token}\r\nExpect: 100-continue\r\n`;
  socket.write(`${head}Content-Length: 100\r\n\r\n`);
  await once(socket, "data"); // the service has begun to read
  socket.end("abc");
  await once(socket.resume(), "close");
  expect(JSON.parse((await send("GET", path)).text).binaries).toEqual([]);
});
