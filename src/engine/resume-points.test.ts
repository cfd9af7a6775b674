/** Where nodes of real-time jobs go on with: kept over tries and runs of the job, the newest alone, and gone with the job. */
import { expect, test } from "vitest";
import { engineWorld, node, untilAborted } from "../../test/setup/engine-world.ts";
import type { JobDefinition, JobNode } from "../domain/job.ts";
import type { ResumePoint } from "../operators/operator.ts";
import { listResumePoints } from "../store/resume-points.ts";

const POINT: ResumePoint = {
  path: "file:/chk-1",
  takenAt: new Date("2026-01-01T00:00:01Z"),
  bytes: 7,
  durationMs: 5,
  completed: 1,
  failed: 0,
};

async function setup(nodes: readonly JobNode[], changes: Partial<JobDefinition> = {}) {
  /** What each try was given as its beginning; null for one that has nothing to keep. */
  const from: (string | null | undefined)[] = [];
  let toKeep: readonly ResumePoint[] = [];
  const world = await engineWorld(async (_, context) => {
    from.push(context.resume === undefined ? null : await context.resume.newest());
    for (const point of toKeep) await context.resume?.keep(point);
    return context.resume === undefined ? { state: "succeeded" } : await untilAborted(context);
  });
  const jobId = await world.addJob(
    { kind: "real-time", settings: { upSeconds: 0 }, nodes, ...changes },
    "rt",
  );
  const engine = await world.newEngine();
  await engine.start();
  const request = { projectId: world.projectId, jobId, by: "ann" };
  const { pool } = world.database;
  const points = () => listResumePoints(pool, world.projectId, jobId);
  async function runOnce(kept: readonly ResumePoint[]) {
    toKeep = kept;
    const before = from.length;
    await engine.startJob(request);
    await expect.poll(() => from.length).toBe(before + 1);
    if (kept.length > 0) await expect.poll(points).not.toEqual([]);
    await engine.stopJob(request);
    const status = async () =>
      (await pool.query<{ status: string }>("select status from job where id = $1", [jobId])).rows[0]?.status;
    await expect.poll(status).toBe("stopped");
  }
  return { world, from, points, runOnce, pool, jobId, engine };
}

test("a job that is started again goes on from the newest point of the run before; an older one changes nothing", async () => {
  const { from, points, runOnce, pool, jobId } = await setup([node("a")]);
  const newer = { ...POINT, path: "file:/chk-2", takenAt: new Date("2026-01-01T00:00:02Z"), completed: 2 };
  await runOnce([newer, POINT]);
  expect(await points()).toEqual([{ node: "a", ...newer }]);
  await runOnce([]);
  expect(from).toEqual([undefined, "file:/chk-2"]);
  await pool.query("delete from job where id = $1", [jobId]);
  expect(await points()).toEqual([]);
});

test("a node that is told so begins from nothing, and its points are kept all the same", async () => {
  const { from, points, runOnce } = await setup([node("a", [], { properties: { "azalai.resume": "none" } })]);
  await runOnce([POINT]);
  await runOnce([]);
  expect(from).toEqual([undefined, undefined]);
  expect(await points()).toMatchObject([{ path: "file:/chk-1" }]);
});

test("a node that ends by itself has nothing to keep", async () => {
  const { world, from, engine } = await setup([node("a")]);
  const jobId = await world.addJob({ nodes: [node("a")] }, "batch");
  await engine.runNow({ projectId: world.projectId, jobId, by: "ann" });
  await expect.poll(() => from).toEqual([null]);
});
