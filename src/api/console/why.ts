/** The console's API about what keeps an instance or a job's next run from running. */
import { missing } from "../../domain/fault.ts";
import { DEFAULT_WORKSPACE } from "../../domain/project.ts";
import { createDefinitions } from "../../engine/definitions.ts";
import { explainInstance, explainJob, type WhyDeps } from "../../engine/why.ts";
import type { Database } from "../../store/database.ts";
import { findJob } from "../../store/jobs.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { instanceIdOf, unknownInstance } from "./instances.ts";
import { encodeInstanceWhy, encodeJobWhy } from "./why-wire.ts";

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
  ];
}

async function answerJob(deps: WhyDeps, { caller, params, headers }: CallerRequest): Promise<Reply> {
  const { projectId } = caller;
  const { workspace } = headers;
  const workspaceId = typeof workspace === "string" && workspace !== "" ? workspace : DEFAULT_WORKSPACE;
  const name = params.job_name ?? "";
  const job = await findJob(deps.db, { projectId, workspaceId }, name);
  const standing = job && (await explainJob(deps, projectId, job.id));
  return json(200, encodeJobWhy(standing ?? missing("job-missing", `there is no job "${name}"`)));
}
