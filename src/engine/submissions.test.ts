/** What nodes hand over to clusters: gone on with after losses, and ended where their node ended without them. */
import { expect, test } from "vitest";
import {
  type EngineWorld,
  engineWorld,
  node,
  type TestWork,
  testOperator,
} from "../../test/setup/engine-world.ts";
import type { JobNode } from "../domain/job.ts";
import type { Outcome, Submission } from "../operators/operator.ts";
import { listNodeRuns } from "../store/instances.ts";
import type { EngineDeps } from "./engine.ts";
import type { CancelSubmission } from "./submissions.ts";

const CLUSTER = "c1".repeat(16);

/** A cluster of the test: work on it runs until the test ends it. */
function cluster() {
  const running = new Set<string>();
  const begun: string[] = [];
  const waiting = new Map<string, (outcome: Outcome) => void>();
  let reachable = true;
  let followed = 0;
  const cancelSubmission: CancelSubmission = async ({ key }) => {
    if (!reachable) return "going";
    return running.delete(key) ? "ended" : "forgotten";
  };
  /** As the run machine: hands over what is not there yet, and is told of its end. */
  const work: TestWork = async (_work, context) => {
    const submission: Submission = await context.submissions.open({ clusterId: CLUSTER, service: "ray" });
    if (!submission.submitted) {
      await submission.reserved({ id: submission.key }, `job-${submission.key}`);
      running.add(submission.key);
      begun.push(submission.key);
      await submission.wasSubmitted({ id: submission.key }, `job-${submission.key}`);
    }
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    waiting.set(submission.key, resolve);
    followed += 1;
    context.signal.addEventListener("abort", () => resolve({ state: "cancelled" }));
    if (context.signal.aborted) resolve({ state: "cancelled" });
    const outcome = await promise;
    if (outcome.state === "succeeded") await submission.ended();
    return outcome;
  };
  return {
    running,
    begun,
    /** How many tries have come as far as to wait for its end. */
    followed: () => followed,
    work,
    cancelSubmission,
    reach: (wanted: boolean) => {
      reachable = wanted;
    },
    finish: (outcome: Outcome = { state: "succeeded" }) => {
      const [key] = running;
      running.delete(key ?? "");
      waiting.get(key ?? "")?.(outcome);
    },
  };
}

async function start(far: ReturnType<typeof cluster>, changes: Partial<JobNode> = {}) {
  const world = await engineWorld();
  const deps: Partial<EngineDeps> = {
    operators: [testOperator(far.work, "remote")],
    cancelSubmission: far.cancelSubmission,
  };
  const engine = await world.newEngine(deps);
  await engine.start();
  const jobId = await world.addJob({ nodes: [node("a", [], changes)] });
  const id = await engine.runNow({ projectId: world.projectId, jobId, by: "x" });
  await expect.poll(far.followed).toBe(1);
  return { world, engine, deps, id };
}

async function rows(world: EngineWorld) {
  const { rows: found } = await world.database.pool.query(
    "select round, state, engine_id as engine from submission order by round",
  );
  return found;
}

/** Its server is gone all of a sudden; it registers anew by itself. */
async function cut(world: EngineWorld): Promise<void> {
  const { rows: gone } = await world.database.pool.query(
    `select pg_terminate_backend(l.pid) from pg_locks l join server s
     on l.locktype = 'advisory' and (l.classid::bigint << 32 | l.objid::bigint) = s.lock_key`,
  );
  expect(gone).not.toHaveLength(0);
}

async function untilAttempt(world: EngineWorld, id: number, attempt: number): Promise<void> {
  await expect
    .poll(async () => (await listNodeRuns(world.database.pool, world.projectId, id))[0])
    .toMatchObject({ attempt, state: "running" });
}

test("work on a cluster survives five lost servers, is begun once, and counts no loss", {
  timeout: 60_000,
}, async () => {
  const far = cluster();
  const { world, id } = await start(far);
  for (let attempt = 2; attempt <= 6; attempt += 1) {
    await cut(world);
    await untilAttempt(world, id, attempt);
    await expect.poll(far.followed).toBe(attempt);
  }
  far.finish();
  expect(await world.ended(id)).toBe("succeeded");
  expect(far.begun).toHaveLength(1);
  const [run] = await listNodeRuns(world.database.pool, world.projectId, id);
  expect(run).toMatchObject({ attempt: 6, losses: 0, tries: 0 });
  expect(await rows(world)).toEqual([{ round: 1, state: "ended", engine: `job-${far.begun[0]}` }]);
});

test("a server that is stopped leaves the work to the next", async () => {
  const far = cluster();
  const { world, engine, deps, id } = await start(far);
  await engine.stop();
  expect(far.running.size).toBe(1);
  const next = await world.newEngine(deps);
  await next.start();
  await untilAttempt(world, id, 2);
  await expect.poll(far.followed).toBe(2);
  far.finish();
  expect(await world.ended(id)).toBe("succeeded");
  expect(far.begun).toHaveLength(1);
});

test("work whose instance was stopped while its server was gone is ended on the cluster", async () => {
  const far = cluster();
  const { world, engine, deps, id } = await start(far);
  await engine.stop();
  // The node is ready: the stop is settled without anybody who follows the work.
  const next = await world.newEngine({
    ...deps,
    slots: { inline: 9, process: 9, stream: 1, child: 9, remote: 0 },
  });
  await next.start();
  await next.stopInstance({ projectId: world.projectId, instanceId: id, by: "x" });
  expect(await world.ended(id)).toBe("stopped");
  await expect.poll(() => far.running.size, { timeout: 10_000 }).toBe(0);
  await expect.poll(() => rows(world)).toMatchObject([{ state: "ended" }]);
});

test("a try that failed is followed by another only when its work runs no more", async () => {
  const far = cluster();
  const { world, id } = await start(far, { retriesMax: 1 });
  far.reach(false);
  const [first = ""] = far.begun;
  far.finish({ state: "failed", message: "by itself" });
  // As if it went on although its node's try has failed.
  far.running.add(first);
  await untilAttempt(world, id, 2);
  expect(far.begun).toHaveLength(1);
  far.reach(true);
  await expect.poll(far.followed, { timeout: 15_000 }).toBe(2);
  expect([...far.running]).toEqual([far.begun[1]]);
  far.finish();
  expect(await world.ended(id)).toBe("succeeded");
  expect(await rows(world)).toMatchObject([
    { round: 1, state: "ended" },
    { round: 2, state: "ended" },
  ]);
});

test("a rerun begins the work anew", async () => {
  const far = cluster();
  const { world, engine, id } = await start(far);
  far.finish();
  expect(await world.ended(id)).toBe("succeeded");
  await engine.restartInstance({ projectId: world.projectId, instanceId: id, by: "x" });
  await expect.poll(far.followed).toBe(2);
  expect(await rows(world)).toMatchObject([
    { round: 1, state: "ended" },
    { round: 2, state: "submitted" },
  ]);
  far.finish();
});

test("the time that a node may take goes on over the loss of its server", async () => {
  const far = cluster();
  const { world, id } = await start(far, { timeoutSeconds: 600 });
  // It began longer ago than it may take.
  await world.database.pool.query("update submission set begun_at = now() - interval '11 minutes'");
  await cut(world);
  expect(await world.ended(id)).toBe("failed");
  const [run] = await listNodeRuns(world.database.pool, world.projectId, id);
  expect(run?.message).toContain("longer than 600 s");
  await expect.poll(() => far.running.size, { timeout: 10_000 }).toBe(0);
});
