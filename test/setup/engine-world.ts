/** A project with jobs, and engines that run them with operators of the test's own, on a real database. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type JobDefinition, type JobNode, NODE_DEFAULTS } from "../../src/domain/job.ts";
import type { Observation } from "../../src/domain/observation.ts";
import type { InstanceState } from "../../src/domain/states.ts";
import { createEngine, type EngineDeps } from "../../src/engine/engine.ts";
import type { Engine } from "../../src/engine/operations.ts";
import type { Operator, Outcome, Work, WorkContext } from "../../src/operators/operator.ts";
import { createFolderBlobs } from "../../src/store/blobs.ts";
import { connectDirectly } from "../../src/store/direct-connection.ts";
import { findInstance, listNodeRuns } from "../../src/store/instances.ts";
import { NO_SOURCES } from "./no-sources.ts";
import { type TestDatabase, testDatabase } from "./postgres.ts";

export interface EngineWorld {
  readonly database: TestDatabase;
  readonly projectId: string;
  /** Not started. */
  readonly newEngine: (changes?: Partial<EngineDeps>) => Promise<Engine>;
  /** Adds a stopped job and gives its id. */
  readonly addJob: (definition: Partial<JobDefinition>, name?: string) => Promise<number>;
  /** Resolves with the state in which an instance ended, also when it has already. */
  readonly ended: (instanceId: number) => Promise<InstanceState>;
  /** Resolves when something was observed for which `match` holds, also when it was before. */
  readonly observed: (match: (observation: Observation) => boolean) => Promise<Observation>;
  /** `a:succeeded b:skipped …`, in the order of the nodes' numbers. */
  readonly nodeStates: (instanceId: number) => Promise<string>;
  /** Sets the clock of all engines; without it they have the machine's. */
  readonly setTime: (time: Date) => void;
  readonly blobs: ReturnType<typeof createFolderBlobs>;
}

/** What an operator of a test does with one attempt. */
export type TestWork = (work: Work, context: WorkContext) => Outcome | Promise<Outcome>;

export function node(name: string, after: readonly string[] = [], changes: Partial<JobNode> = {}): JobNode {
  return {
    name,
    type: "Test",
    after,
    conditions: [],
    properties: {},
    ...NODE_DEFAULTS,
    retryDelaySeconds: 0,
    ...changes,
  };
}

/** Runs nodes of type `Test`, in the lane asked for. */
export function testOperator(run: TestWork, lane: Operator["lane"] = "process", type = "Test"): Operator {
  return { types: [type], lane, run: async (work, context) => await run(work, context) };
}

/** Ends when it is aborted. */
export function untilAborted({ signal }: WorkContext): Promise<Outcome> {
  return new Promise((resolve) => {
    const end = () => resolve({ state: "cancelled", message: `aborted: ${signal.reason}` });
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  });
}

export async function engineWorld(run: TestWork = () => ({ state: "succeeded" })): Promise<EngineWorld> {
  const database = await testDatabase();
  const { pool } = database;
  const folder = await mkdtemp(join(tmpdir(), "azalai-engine-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const projectId = randomBytes(16).toString("hex");
  await pool.query("insert into project (id, name, created_at) values ($1, $2, now())", [
    projectId,
    `p${projectId}`,
  ]);
  await pool.query("insert into workspace (project_id, id, created_at) values ($1, 'default', now())", [
    projectId,
  ]);
  const seen: Observation[] = [];
  const waiting = new Set<() => void>();
  const blobs = createFolderBlobs(folder);
  let time: Date | undefined;

  const observe = (observation: Observation) => {
    seen.push(observation);
    for (const look of [...waiting]) look();
  };
  const observed: EngineWorld["observed"] = (match) =>
    new Promise((resolve) => {
      const look = () => {
        const found = seen.find(match);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });

  return {
    database,
    projectId,
    blobs,
    observed,
    setTime: (wanted) => {
      time = wanted;
    },
    newEngine: async (changes) => {
      const engine = createEngine({
        pool,
        connect: () => connectDirectly(database.connection),
        operators: [testOperator(run)],
        sources: NO_SOURCES,
        cancelSubmission: async () => "forgotten",
        blobs,
        roles: ["scheduler", "worker"],
        slots: { inline: 1000, process: 50, stream: 10, child: 1000, remote: 100 },
        now: () => time ?? new Date(),
        random: () => 0,
        observe,
        timeZone: "UTC",
        drainGraceMs: 0,
        ...changes,
      });
      onTestFinished(() => engine.stop());
      return engine;
    },
    addJob: async (changes, name = randomBytes(6).toString("hex")) => {
      const definition: JobDefinition = {
        kind: "batch",
        nodes: [node("a")],
        parameters: [],
        schedule: { type: "once" },
        priority: 0,
        dryRun: false,
        ...changes,
      };
      const { rows } = await pool.query<{ id: number }>(
        `with made as (
           insert into job (project_id, workspace_id, name, kind, version, created_at, created_by, updated_at, updated_by)
           values ($1, 'default', $2, $3, 1, now(), 'test', now(), 'test') returning id
         ), version as (
           insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
           select $1, id, 1, $4, '{}', now(), 'test' from made
         )
         select id from made`,
        [projectId, name, definition.kind, JSON.stringify(definition)],
      );
      return rows[0]?.id ?? 0;
    },
    ended: async (instanceId) => {
      const instance = await findInstance(pool, projectId, instanceId);
      if (instance !== undefined && instance.endedAt !== null) return instance.state;
      const end = await observed((one) => one.event === "instance-ended" && one.instanceId === instanceId);
      return end.event === "instance-ended" ? end.state : "waiting";
    },
    nodeStates: async (instanceId) => {
      const runs = await listNodeRuns(pool, projectId, instanceId);
      return runs.map(({ nodeNo, state }) => `${String.fromCharCode(97 + nodeNo)}:${state}`).join(" ");
    },
  };
}
