/** The console's own API under `/api/`: what the two vendors' faces have no words for. */
import type { ConnectionTestDeps } from "../../catalog/connections.ts";
import type { Database } from "../../store/database.ts";
import { findInstance } from "../../store/instances.ts";
import { findOperatedJob } from "../../store/schedules.ts";
import type { Face, Params, Route } from "../route.ts";
import { alarmRuleRoutes } from "./alarm-rules.ts";
import { auditRoutes } from "./audit.ts";
import { type BackfillDeps, backfillRoutes } from "./backfills.ts";
import { calendarRoutes } from "./calendars.ts";
import { childInstanceRoutes } from "./child-instances.ts";
import { type ClusterRouteDeps, clusterRoutes } from "./clusters.ts";
import { connectionRoutes } from "./connections.ts";
import { type EventSourceDeps, eventSourceRoutes } from "./event-sources.ts";
import { type ExpressionDeps, expressionRoutes } from "./expressions.ts";
import { encodeFault } from "./fault-wire.ts";
import { type FileDeps, fileRoutes } from "./files.ts";
import { type InstanceActDeps, instanceActRoutes } from "./instance-acts.ts";
import { type InstanceDeps, instanceRoutes } from "./instances.ts";
import { type LimitDeps, limitRoutes } from "./limits.ts";
import { type LiveNodeDeps, liveNodeRoutes } from "./live-nodes.ts";
import { type PlanDeps, planRoutes } from "./plan.ts";
import { type RetentionRouteDeps, retentionRoutes } from "./retention.ts";
import { type SecretDeps, secretRoutes } from "./secrets.ts";
import { type TopicRouteDeps, topicRoutes } from "./topics.ts";
import { type WhyRouteDeps, whyRoutes } from "./why.ts";
import { type WorkspaceRouteDeps, workspaceRoutes } from "./workspaces.ts";

/** Its paths name no project: the caller's own counts. */
export function createConsoleFace(
  deps: InstanceDeps &
    InstanceActDeps &
    EventSourceDeps &
    ExpressionDeps &
    FileDeps &
    PlanDeps &
    RetentionRouteDeps &
    ConnectionTestDeps &
    ClusterRouteDeps &
    SecretDeps &
    LimitDeps &
    BackfillDeps &
    LiveNodeDeps &
    TopicRouteDeps &
    WhyRouteDeps &
    WorkspaceRouteDeps,
): Face {
  return {
    name: "console",
    routes: [
      ...instanceRoutes(deps),
      ...instanceActRoutes(deps),
      ...auditRoutes(deps),
      ...expressionRoutes(deps),
      ...childInstanceRoutes(deps),
      ...eventSourceRoutes(deps),
      ...liveNodeRoutes(deps),
      ...connectionRoutes(deps),
      ...clusterRoutes(deps),
      ...limitRoutes(deps),
      ...backfillRoutes(deps),
      ...whyRoutes(deps),
      ...planRoutes(deps),
      ...calendarRoutes(deps),
      ...alarmRuleRoutes(deps),
      ...workspaceRoutes(deps),
      ...[
        // Buckets, topics and history are the project's.
        ...fileRoutes(deps),
        ...retentionRoutes(deps),
        ...secretRoutes(deps),
        ...topicRoutes(deps),
      ].map((route): Route => (route.role === "public" ? route : { ...route, scope: "project" })),
    ],
    owns: (path) => path === "/api" || path.startsWith("/api/"),
    projectOf: () => undefined,
    scope: "workspace",
    findWorkspace: (projectId, params) => findWorkspace(deps.pool, projectId, params),
    encodeFault,
  };
}

/** Where the instance or the job lies that a path names by its id. */
async function findWorkspace(
  db: Database,
  projectId: string,
  { instance_id: instanceId, job_id: jobId }: Params,
): Promise<string | undefined> {
  const id = Number(instanceId ?? jobId);
  if (!Number.isSafeInteger(id)) return undefined;
  if (instanceId !== undefined) return (await findInstance(db, projectId, id))?.workspaceId;
  return (await findOperatedJob(db, projectId, id))?.workspaceId;
}
