/** The console's API about instances, through HTTP on a real database. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../../../test/setup/postgres.ts";
import { registerServer } from "../../../test/setup/registered-server.ts";
import { Fault } from "../../domain/fault.ts";
import type { JobNode } from "../../domain/job.ts";
import { NODE_DEFAULTS } from "../../domain/job.ts";
import { createFolderBlobs } from "../../store/blobs.ts";
import { transaction } from "../../store/database.ts";
import { insertInstances } from "../../store/instances.ts";
import { putLogChunk } from "../../store/logs.ts";
import { requeueLost, step } from "../../store/node-runs.ts";
import { insertProject } from "../../store/projects.ts";
import { createServer } from "../server.ts";
import { encodeFault } from "./fault-wire.ts";
import { instanceRoutes, LOG_PART_BYTES_MAX } from "./instances.ts";

const OURS = "0123456789abcdef0123456789abcdef";
const THEIRS = "fedcba9876543210fedcba9876543210";
const NOW = new Date("2026-11-23T09:00:00Z");
const LATER = new Date("2026-11-23T09:00:02Z");

const node = (name: string, after: string[]): JobNode => ({
  name,
  type: "Shell",
  after,
  conditions: [],
  properties: {},
  ...NODE_DEFAULTS,
});

/** An instance of two nodes, the first of them in its first attempt. Tokens are the names of projects. */
async function setup() {
  const { pool } = await testDatabase();
  const serverId = await registerServer(pool);
  const folder = await mkdtemp(join(tmpdir(), "azalai-console-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const blobs = createFolderBlobs(folder);
  for (const id of [OURS, THEIRS])
    await insertProject(pool, {
      id,
      name: id,
      description: "",
      enabled: true,
      localCommands: true,
      createdAt: NOW,
    });
  const [instanceId = 0] = await insertInstances(
    pool,
    [
      {
        projectId: OURS,
        workspaceId: "default",
        jobName: "pair",
        origin: "test",
        waits: false,
        priority: 0,
        parameters: { month: "2001-01" },
        plannedAt: NOW,
        createdBy: "ann",
        definition: {
          kind: "batch",
          nodes: [node("second", ["first"]), node("first", [])],
          parameters: [],
          schedule: { type: "once" },
          priority: 0,
          dryRun: false,
        },
        nodes: [
          { lane: "process", need: 0, successors: [1] },
          { lane: "process", need: 1, successors: [] },
        ],
      },
    ],
    NOW,
  );
  const wants = [{ lane: "process", want: 1 } as const];
  const { claims } = await step(pool, {
    serverId,
    fence: 7,
    now: NOW,
    successes: [],
    used: [],
    wants,
  });
  /** The first node's attempt ends well; the second node is not claimed. */
  const finishFirst = () =>
    step(pool, {
      serverId,
      fence: 8,
      now: LATER,
      used: [],
      successes: claims.map((claim) => ({ claim, exitCode: 0, output: "[[1]]" })),
      wants: [],
    });
  const loseServer = () => transaction(pool, (db) => requeueLost(db, serverId, LATER, 3));
  const app = await createServer({
    faces: [
      {
        name: "console",
        routes: instanceRoutes({ pool, blobs, now: () => new Date() }),
        owns: (path) => path.startsWith("/api/"),
        projectOf: () => undefined,
        encodeFault,
      },
    ],
    authenticate: async ({ headers }) => {
      const projectId = headers["x-auth-token"];
      if (typeof projectId !== "string")
        throw new Fault("unauthenticated", "credentials-refused", "no token");
      return {
        userId: "u",
        userName: "ann",
        projectId,
        role: "reader",
        workspaceRoles: new Map(),
        credential: { kind: "token", id: "t" },
      };
    },
    observe: () => undefined,
    elapsedMs: () => 0,
    newId: () => "0".repeat(32),
    checkReady: async () => undefined,
  });
  const get = (path: string, projectId: string | null = OURS) =>
    app.inject({
      method: "GET",
      url: path,
      headers: projectId === null ? {} : { "x-auth-token": projectId },
    });
  const logKey = { projectId: OURS, instanceId, nodeNo: 0, attempt: 1 };
  const path = `/api/instances/${instanceId}`;
  return { get, path, blobs, finishFirst, loseServer, logKey, logPath: `${path}/nodes/0/attempts/1/log` };
}

test("an instance is shown with its nodes in running order and their attempts", async () => {
  const { get, path, blobs, logKey, finishFirst } = await setup();
  await putLogChunk(blobs, logKey, 0, Buffer.from("hello\n"));
  const running = (await get(path)).json();
  expect(running).toMatchObject({
    jobName: "pair",
    state: "running",
    origin: "test",
    workspace: "default",
    parameters: { month: "2001-01" },
    startedAt: "2026-11-23T09:00:00.000Z",
    endedAt: null,
  });
  expect(running.nodes).toMatchObject([
    { no: 0, name: "first", type: "Shell", after: [], state: "running", output: null },
    { no: 1, name: "second", type: "Shell", after: ["first"], state: "waiting", attempts: [] },
  ]);
  expect(running.nodes[0].attempts).toMatchObject([
    { attempt: 1, outcome: null, endedAt: null, logBytes: 6 },
  ]);
  await finishFirst();
  const [first, second] = (await get(path)).json().nodes;
  expect(first).toMatchObject({ state: "succeeded", exitCode: 0, output: "[[1]]" });
  expect(first.attempts).toMatchObject([{ outcome: "succeeded", endedAt: "2026-11-23T09:00:02.000Z" }]);
  expect(second).toMatchObject({ state: "ready" });
});

test("an attempt that was lost with its server stays visible, with the reason", async () => {
  const { get, path, loseServer } = await setup();
  await loseServer();
  const [first] = (await get(path)).json().nodes;
  expect(first.state).toBe("ready");
  expect(first.attempts).toMatchObject([
    { attempt: 1, outcome: "lost", message: "the server that ran it was lost" },
  ]);
});

test("a log is read from any byte on, while it grows", async () => {
  const { get, blobs, logKey, logPath } = await setup();
  await putLogChunk(blobs, logKey, 0, Buffer.from("one\n"));
  const start = await get(logPath);
  expect([start.body, start.headers["x-log-next"]]).toEqual(["one\n", "4"]);
  expect(start.headers["content-type"]).toBe("text/plain; charset=utf-8");
  const nothing = await get(`${logPath}?from=4`);
  expect([nothing.statusCode, nothing.body, nothing.headers["x-log-next"]]).toEqual([200, "", "4"]);
  await putLogChunk(blobs, logKey, 0, Buffer.from("one\ntwo\n"));
  expect((await get(`${logPath}?from=4`)).body).toBe("two\n");
});

test("a long log comes in parts", async () => {
  const { get, blobs, logKey, logPath } = await setup();
  await putLogChunk(blobs, logKey, 0, Buffer.alloc(LOG_PART_BYTES_MAX + 5, "x"));
  const first = await get(logPath);
  expect(first.body).toHaveLength(LOG_PART_BYTES_MAX);
  expect((await get(`${logPath}?from=${first.headers["x-log-next"]}`)).body).toBe("xxxxx");
});

test("instances of other projects, and what is not there, are missing", async () => {
  const { get, path, logPath } = await setup();
  for (const [wanted, projectId] of [
    [path, THEIRS],
    [logPath, THEIRS],
    ["/api/instances/999", OURS],
    ["/api/instances/none", OURS],
    [`${path}/nodes/7/attempts/1/log`, OURS],
    [`${path}/nodes/0/attempts/2/log`, OURS],
    [`${path}/nodes/0/attempts/0/log`, OURS],
    ["/api/nothing", OURS],
  ] as const) {
    const answer = await get(wanted, projectId);
    expect([wanted, answer.statusCode, answer.headers["content-type"]]).toEqual([
      wanted,
      404,
      expect.stringMatching(/^application\/problem\+json/),
    ]);
  }
});

test("numbers that are none are refused with a problem that says which", async () => {
  const { get, path, logPath } = await setup();
  for (const wanted of [`${logPath}?from=-1`, `${logPath}?from=x`, `${path}/nodes/first/attempts/1/log`]) {
    const answer = await get(wanted);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ status: 400, code: "request-invalid", requestId: "0".repeat(32) });
  }
});

test("nobody sees anything without a token", async () => {
  const { get, path, logPath } = await setup();
  for (const wanted of [path, logPath]) {
    const answer = await get(wanted, null);
    expect([answer.statusCode, answer.json().code]).toEqual([401, "credentials-refused"]);
  }
});
