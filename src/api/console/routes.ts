/** The console's own API under `/api/`: what the two vendors' faces have no words for. */
import type { ConnectionTestDeps } from "../../catalog/connections.ts";
import type { WorkspaceDeps } from "../../catalog/workspaces.ts";
import type { Face } from "../route.ts";
import { alarmRuleRoutes } from "./alarm-rules.ts";
import { auditRoutes } from "./audit.ts";
import { type BackfillDeps, backfillRoutes } from "./backfills.ts";
import { calendarRoutes } from "./calendars.ts";
import { childInstanceRoutes } from "./child-instances.ts";
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
    SecretDeps &
    LimitDeps &
    WorkspaceDeps &
    BackfillDeps &
    LiveNodeDeps &
    TopicRouteDeps &
    WhyRouteDeps,
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
      ...fileRoutes(deps),
      ...liveNodeRoutes(deps),
      ...retentionRoutes(deps),
      ...connectionRoutes(deps),
      ...secretRoutes(deps),
      ...limitRoutes(deps),
      ...backfillRoutes(deps),
      ...whyRoutes(deps),
      ...planRoutes(deps),
      ...calendarRoutes(deps),
      ...topicRoutes(deps),
      ...alarmRuleRoutes(deps),
    ],
    owns: (path) => path === "/api" || path.startsWith("/api/"),
    projectOf: () => undefined,
    encodeFault,
  };
}
