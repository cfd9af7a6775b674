/** Where nodes of real-time jobs go on with on their clusters: kept from one run of the job to the next. */
import type { JobNode } from "../domain/job.ts";
import { readNodeSettings, SETTING_DEFAULTS } from "../domain/job-settings.ts";
import type { Observe } from "../domain/observation.ts";
import type { ResumePoints } from "../operators/operator.ts";
import type { DatabasePool } from "../store/database.ts";
import { keepResumePoint, listResumePoints } from "../store/resume-points.ts";
import type { InstanceFacts } from "./definitions.ts";
import { isKeptAlive } from "./kept-alive.ts";

export interface ResumeDeps {
  readonly pool: DatabasePool;
  readonly observe: Observe;
}

/** Undefined for nodes that end by themselves: they begin from nothing each time. */
export function resumePointsOf(
  { pool, observe }: ResumeDeps,
  facts: InstanceFacts,
  node: JobNode,
): ResumePoints | undefined {
  const { projectId, jobId } = facts.instance;
  if (!isKeptAlive(facts) || jobId === null) return undefined;
  const key = { projectId, jobId, node: node.name };
  const own = readNodeSettings(node.properties).settings;
  const { resume } = { ...SETTING_DEFAULTS, ...facts.pinned?.definition.settings, ...own };
  return {
    newest: async () => {
      if (resume === "none") return undefined;
      return (await listResumePoints(pool, projectId, jobId)).find((one) => one.node === node.name)?.path;
    },
    // The next one comes in a moment, and what the work does is more than a note of where it is.
    keep: async (point) => {
      try {
        await keepResumePoint(pool, key, point);
      } catch (error) {
        observe({ event: "loop-failed", loop: "resume-points", error });
      }
    },
  };
}
