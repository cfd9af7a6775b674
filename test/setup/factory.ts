/** A world with the Factory and the console face over HTTP in process: a database of its own, a clock, and a caller for each role. */
import { createHash, randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import type { Pool } from "pg";
import { onTestFinished } from "vitest";
import { createConsoleFace } from "../../src/api/console/routes.ts";
import type { FactoryDeps } from "../../src/api/factory/deps.ts";
import { createFactoryFace } from "../../src/api/factory/routes.ts";
import type { RouteRequest } from "../../src/api/route.ts";
import { createServer } from "../../src/api/server.ts";
import { loadCalendar } from "../../src/catalog/calendars.ts";
import { publish } from "../../src/catalog/topics.ts";
import { Fault } from "../../src/domain/fault.ts";
import type { Observe } from "../../src/domain/observation.ts";
import { type ArchiveLimits, PACKAGE_LIMITS } from "../../src/domain/package.ts";
import { type Caller, ROLES, type Role } from "../../src/domain/user.ts";
import { createEngine } from "../../src/engine/engine.ts";
import type { Engine } from "../../src/engine/operations.ts";
import { createRetention } from "../../src/engine/retention.ts";
import { createSecretRotation } from "../../src/engine/secret-rotation.ts";
import { createIdentity, type Identity } from "../../src/identity/identity.ts";
import { findWorkspaceRoles } from "../../src/identity/workspaces.ts";
import { createDummyOperator } from "../../src/operators/dummy.ts";
import { createForEachOperator } from "../../src/operators/for-each.ts";
import type { Operator } from "../../src/operators/operator.ts";
import { createSubJobOperator } from "../../src/operators/sub-job.ts";
import { createTasks } from "../../src/parts/tasks.ts";
import { createFolderBlobs } from "../../src/store/blobs.ts";
import { createBuckets } from "../../src/store/buckets.ts";
import { connectDirectly } from "../../src/store/direct-connection.ts";
import { recordArrival } from "../../src/store/file-arrivals.ts";
import { findInstance } from "../../src/store/instances.ts";
import { createMasterKey } from "../../src/store/secrets.ts";
import { createHoldToContract } from "./contracts.ts";
import { testOperator } from "./engine-world.ts";
import { createHeldNodes, type HeldNodes } from "./held-nodes.ts";
import { CHEAP } from "./identity.ts";
import { NO_SOURCES } from "./no-sources.ts";
import { type TestDatabase, testDatabase } from "./postgres.ts";

export const PROJECT = "0123456789abcdef0123456789abcdef";
export const FOREIGN = "fedcba9876543210fedcba9876543210";

/** Small enough that a test can go beyond each. */
const TEST_PACKAGES: ArchiveLimits = { ...PACKAGE_LIMITS, bytesMax: 2 ** 20 };

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever came.
  readonly json: any;
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface Call {
  readonly role?: Role | "none";
  /** Id of the user who asks, for workspaces with members; absent: nobody's. */
  readonly userId?: string;
  readonly workspace?: string;
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly text?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FactoryWorld {
  readonly app: FastifyInstance;
  readonly pool: Pool;
  readonly identity: Identity;
  readonly deps: FactoryDeps;
  readonly engine: Engine;
  readonly clock: { now: Date };
  /**
   * `path` after the project, e.g. `/jobs`; one from `/v` or `/api` on is taken whole. Throws for an answer that the
   * route's contract does not promise.
   */
  call(method: string, path: string, call?: Call): Promise<Answer>;
  /** As `call`, expecting success. */
  ok(method: string, path: string, call?: Call): Promise<Answer>;
  /** Carries out all tasks that there are, those that are added meanwhile too. */
  carryOutTasks(): Promise<void>;
  /** Lets nodes run: `Dummy`, `Fail`, `Echo`, whose output is its `text`, and `Hold`, which runs until it is let go or stopped. */
  startEngine(): Promise<void>;
  /** Resolves when the instance has ended. */
  ended(instanceId: number): Promise<void>;
  /** The hand on nodes of type `Hold`. */
  readonly held: Pick<HeldNodes, "running" | "letEnd">;
}

export async function factoryWorld(settings: Partial<FactoryDeps> = {}): Promise<FactoryWorld> {
  const database = await testDatabase();
  const { pool } = database;
  const clock = { now: new Date("2026-11-23T06:54:27.123Z") };
  await pool.query(
    "insert into project (id, name, created_at) values ($1, 'home', $3), ($2, 'foreign', $3)",
    [PROJECT, FOREIGN, clock.now],
  );
  const ends = new Map<number, () => void>();
  const observe: Observe = (observation) => {
    if (observation.event !== "instance-ended") return;
    ends.get(observation.instanceId)?.();
  };
  // Made when something is first written to it.
  const folder = join(tmpdir(), `azalai-factory-${randomBytes(6).toString("hex")}`);
  const held = createHeldNodes();
  const operators = [...testOperators(), held.operator];
  const blobs = createFolderBlobs(folder);
  const buckets = (projectId: string) =>
    createBuckets(blobs, projectId, (path) => recordArrival(pool, projectId, path, clock.now));
  const engine = makeEngine(database, { now: () => clock.now, observe, folder, operators });
  const deps: FactoryDeps = {
    pool,
    engine,
    masterKeys: { current: createMasterKey(), previous: [] },
    now: () => clock.now,
    timeZone: "UTC",
    pageMax: 100,
    region: "RegionOne",
    workspacesOnFirstUse: true,
    testConnection: async () => ({ ok: false, reason: "the test dials nothing" }),
    buckets,
    packageLimits: TEST_PACKAGES,
    newId: () => randomBytes(16).toString("hex"),
    taskAdded: () => undefined,
    ...settings,
  };
  const now = () => clock.now;
  const retention = createRetention({ pool, blobs, now, observe, periodDays: 7 });
  const secrets = createSecretRotation({ pool, masterKeys: deps.masterKeys, observe });
  const identity = createIdentity({
    pool,
    masterKeys: deps.masterKeys,
    now,
    observe,
    settings: { passwordCost: CHEAP },
  });
  let requests = 0;
  const face = createFactoryFace(deps);
  const hold = createHoldToContract(face);
  const app = await createServer({
    faces: [
      face,
      createConsoleFace({
        ...deps,
        testCluster: async () => [],
        identity,
        engine,
        blobs,
        buckets,
        retention,
        secrets,
        mails: true,
        noticesPublished: () => undefined,
      }),
    ],
    authenticate: (request, projectId) => authenticate(identity, request, projectId),
    observe: () => undefined,
    elapsedMs: () => 0,
    newId: () => createHash("md5").update(String(requests++)).digest("hex"),
    checkReady: async () => undefined,
  });
  const call = async (method: string, path: string, given: Call = {}): Promise<Answer> => {
    const { role = "manager", userId, workspace, body, text, headers } = given;
    const url = /^[/](v|api)/.test(path) ? path : `/v1/${PROJECT}${path}`;
    const response = await app.inject({
      method: method as "GET",
      url,
      headers: {
        ...(role !== "none" && { "x-auth-token": role }),
        ...(userId !== undefined && { "x-test-user": userId }),
        ...(workspace !== undefined && { workspace }),
        ...((body !== undefined || text !== undefined) && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
      ...(text !== undefined && { payload: text }),
    });
    const answer = answerOf(response);
    hold(method, url, answer);
    return answer;
  };
  const ok = async (method: string, path: string, given?: Call): Promise<Answer> => {
    const answer = await call(method, path, given);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.json)}`);
    return answer;
  };
  return {
    app,
    pool,
    identity,
    deps,
    engine,
    clock,
    call,
    ok,
    carryOutTasks: async () => {
      const tasks = createTasks({
        ...deps,
        scheduleSaved: engine.scheduleSaved,
        limits: deps.packageLimits,
        observe,
      });
      tasks.start();
      await tasks.round();
      await tasks.stop();
    },
    startEngine: async () => {
      onTestFinished(async () => {
        await engine.stop();
        await rm(folder, { recursive: true, force: true });
      });
      await engine.start();
    },
    held,
    ended: async (instanceId) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.set(instanceId, resolve);
      if ((await findInstance(pool, PROJECT, instanceId))?.endedAt instanceof Date) resolve();
      await promise;
    },
  };
}

/** An answer as it came, its JSON read. */
export function answerOf({ statusCode, headers, body, rawPayload }: LightMyRequestResponse): Answer {
  const isJson = /^application[/](problem[+])?json/.test(String(headers["content-type"]));
  return { status: statusCode, json: isJson ? JSON.parse(body) : undefined, bytes: rawPayload, headers };
}

/** The token's text is the caller's role. */
async function authenticate(
  identity: Identity,
  { headers }: RouteRequest,
  projectId: string | undefined,
): Promise<Caller> {
  const role = ROLES.find((known) => known === headers["x-auth-token"]);
  if (role === undefined) throw new Fault("unauthenticated", "credentials-refused", "no token");
  if (projectId !== undefined && projectId !== PROJECT)
    throw new Fault("unauthenticated", "credentials-refused", "not your project");
  const credential = { kind: "token", id: "t" } as const;
  const user = headers["x-test-user"];
  const userId = typeof user === "string" ? user : "0".repeat(32);
  const workspaceRoles = await findWorkspaceRoles(identity, { userId, projectId: PROJECT, role });
  return { userId, userName: `${role}-user`, projectId: PROJECT, role, workspaceRoles, credential };
}

/** Ends well at once, fails, or says what it was told. */
function testOperators(): Operator[] {
  return [
    createDummyOperator(),
    testOperator(() => ({ state: "failed", message: "no luck" }), "process", "Fail"),
    testOperator(
      ({ properties: { text = "" } }) => ({ state: "succeeded", output: text }),
      "process",
      "Echo",
    ),
  ];
}

/** Not started: its operations write, and nothing runs until a test starts it. */
function makeEngine(
  { pool, connection }: TestDatabase,
  {
    operators,
    now,
    observe,
    folder,
  }: { operators: readonly Operator[]; now: () => Date; observe: Observe; folder: string },
): Engine {
  const blobs = createFolderBlobs(folder);
  return createEngine({
    pool,
    connect: () => connectDirectly(connection),
    operators: [...operators, createSubJobOperator(), createForEachOperator()],
    sources: {
      ...NO_SOURCES,
      loadCalendar: (owner, name) => loadCalendar(pool, owner, name),
      buckets: (projectId) => createBuckets(blobs, projectId),
      publish: (projectId, notice) => publish({ pool, now }, projectId, notice),
    },
    cancelSubmission: async () => "forgotten",
    blobs,
    roles: ["scheduler", "worker"],
    slots: { inline: 100, process: 50, stream: 10, child: 1000, remote: 100 },
    now,
    random: () => 0,
    observe,
    timeZone: "UTC",
    drainGraceMs: 0,
  });
}

/** A job that every rule allows; `members` are put over its own. */
export function jobBody(
  name: string,
  members: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    name,
    nodes: [{ name: "a", type: "Dummy", location: { x: 1, y: 2 }, properties: [] }],
    schedule: { type: "EXECUTE_ONCE" },
    processType: "BATCH",
    ...members,
  };
}
