/** The console's API about what keeps an instance, a job's next run or a backfill from running. */
import { missing } from "../../domain/fault.ts";
import { createDefinitions } from "../../engine/definitions.ts";
import { explainInstance, explainJob, type WhyDeps } from "../../engine/why.ts";
import { explainBackfill } from "../../engine/why-backfill.ts";
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
        return json(200, encodeInstanceWhy(standing ?? unknownInstance(instanceId)));
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

async function answerJob(deps: WhyDeps, request: CallerRequest): Promise<Reply> {
  const key = workspaceOf(request);
  const name = request.params.job_name ?? "";
  const job = await findJob(deps.db, key, name);
  const standing = job && (await explainJob(deps, key.projectId, job.id));
  return json(200, encodeJobWhy(standing ?? missing("job-missing", `there is no job "${name}"`)));
}
