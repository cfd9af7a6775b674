/** The console's API about nodes of real-time jobs: how each fares, and trying one again that waits or is held. */
import { missing } from "../../domain/fault.ts";
import { createDefinitions, type Definitions } from "../../engine/definitions.ts";
import { findLiveRun } from "../../engine/live-nodes.ts";
import type { Engine } from "../../engine/operations.ts";
import type { Database } from "../../store/database.ts";
import { findOperatedJob } from "../../store/schedules.ts";
import { json, NO_CONTENT, type Route } from "../route.ts";
import { encodeLiveNode, type LiveNodePage } from "./live-node-wire.ts";

export interface LiveNodeDeps {
  readonly pool: Database;
  readonly engine: Pick<Engine, "retryNode">;
}

const NODES = "/api/jobs/:job_id/live-nodes";

export function liveNodeRoutes({ pool, engine }: LiveNodeDeps): Route[] {
  const definitions = createDefinitions(pool);
  return [
    {
      method: "GET",
      path: NODES,
      role: "reader",
      handle: async ({ caller, params }) =>
        json(200, await viewNodes(pool, definitions, caller.projectId, jobIdOf(params.job_id))),
    },
    {
      method: "POST",
      path: `${NODES}/:node/retry`,
      role: "member",
      handle: async ({ caller: { projectId, userName: by }, params }) => {
        const jobId = jobIdOf(params.job_id);
        await engine.retryNode({ projectId, jobId, by, node: params.node ?? "" });
        return NO_CONTENT;
      },
    },
  ];
}

async function viewNodes(
  pool: Database,
  definitions: Definitions,
  projectId: string,
  jobId: number,
): Promise<LiveNodePage> {
  const job = (await findOperatedJob(pool, projectId, jobId)) ?? jobMissing(jobId);
  const { status } = job;
  const run = await findLiveRun(pool, definitions, projectId, jobId);
  return { instanceId: run?.instanceId ?? null, status, nodes: (run?.nodes ?? []).map(encodeLiveNode) };
}

function jobIdOf(text = ""): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : jobMissing(text);
}

function jobMissing(id: number | string): never {
  missing("job-missing", `there is no job ${id}`);
}
