/** The console's API about nodes of real-time jobs: how each fares, and trying one again that waits or is held. */
import { missing } from "../../domain/fault.ts";
import { keepRulesOf } from "../../domain/kept-alive.ts";
import { createDefinitions, type Definitions } from "../../engine/definitions.ts";
import type { Engine } from "../../engine/operations.ts";
import type { Database } from "../../store/database.ts";
import { findStreamInstance, listLiveNodes } from "../../store/live-nodes.ts";
import { listNodeJobs } from "../../store/node-jobs.ts";
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
  const found = await findStreamInstance(pool, projectId, jobId);
  if (found === undefined) return { instanceId: null, status, nodes: [] };
  const { instanceId, jobVersion } = found;
  const [runs, triggers, [pinned]] = await Promise.all([
    listLiveNodes(pool, projectId, instanceId),
    listNodeJobs(pool, projectId, jobId),
    definitions.pinnedVersions([{ projectId, jobId, jobVersion }]),
  ]);
  const nodes = runs.flatMap((run) => {
    const node = pinned?.nodes[run.nodeNo];
    if (node === undefined) return [];
    const rules = keepRulesOf(pinned?.definition.settings, node.properties);
    return [encodeLiveNode({ run, node, rules, trigger: triggers.find((one) => one.node === node.name) })];
  });
  return { instanceId, status, nodes };
}

function jobIdOf(text = ""): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : jobMissing(text);
}

function jobMissing(id: number | string): never {
  missing("job-missing", `there is no job ${id}`);
}
