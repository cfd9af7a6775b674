/** The console's API about what keeps an instance, a job's next run or a backfill from running. */
import { type Blocker, hide, instancesOf } from "../../domain/blocker.ts";
import { missing } from "../../domain/fault.ts";
import { type Caller, closedWorkspaces } from "../../domain/user.ts";
import { createDefinitions } from "../../engine/definitions.ts";
import { explainInstance, explainJob, type WhyDeps } from "../../engine/why.ts";
import { explainBackfill } from "../../engine/why-backfill.ts";
import { findInstancesIn } from "../../store/blockers.ts";
import type { Database } from "../../store/database.ts";
import { findJob } from "../../store/jobs.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import { instanceIdOf, unknownInstance } from "./instances.ts";
import { encodeBackfillWhy, encodeInstanceWhy, encodeJobWhy } from "./why-wire.ts";

export interface WhyRouteDeps {
  readonly pool: Database;
  readonly now: () => Date;
}

export function whyRoutes({ pool, now }: WhyRouteDeps): Route[] {
  const deps: WhyDeps = { db: pool, definitions: createDefinitions(pool), now };
  return [
    {
      method: "GET",
      path: "/api/instances/:instance_id/why",
      role: "reader",
      handle: async ({ caller, params }) => {
        const instanceId = instanceIdOf(params.instance_id);
        const standing = await explainInstance(deps, caller.projectId, instanceId);
        if (standing === undefined) return unknownInstance(instanceId);
        const blockers = await hideFrom(pool, caller, standing.blockers);
        return json(200, encodeInstanceWhy({ ...standing, blockers }));
      },
    },
    {
      method: "GET",
      path: "/api/jobs/:job_name/why",
      role: "reader",
      handle: (request) => answerJob(deps, request),
    },
    {
      method: "GET",
      path: "/api/backfills/:name/why",
      role: "reader",
      handle: async (request) => {
        const { name = "" } = request.params;
        const standing = await explainBackfill(deps, workspaceOf(request), name);
        const wire = encodeBackfillWhy(
          standing ?? missing("backfill-missing", `there is no backfill "${name}"`),
        );
        return json(200, wire);
      },
    },
  ];
}

/** What holds a run up may lie in another workspace, which may not exist for the caller. */
async function hideFrom(
  db: Database,
  caller: Caller,
  blockers: readonly Blocker[],
): Promise<readonly Blocker[]> {
  const workspaces = closedWorkspaces(caller);
  if (workspaces.length === 0) return blockers;
  const ids = blockers.flatMap(instancesOf);
  const instances = await findInstancesIn(db, caller.projectId, { ids, workspaces });
  return blockers.map((blocker) => hide(blocker, { workspaces, instances: new Set(instances) }));
}

async function answerJob(deps: WhyDeps, request: CallerRequest): Promise<Reply> {
  const key = workspaceOf(request);
  const name = request.params.job_name ?? "";
  const job = await findJob(deps.db, key, name);
  const standing = job && (await explainJob(deps, key.projectId, job.id));
  return json(200, encodeJobWhy(standing ?? missing("job-missing", `there is no job "${name}"`)));
}
