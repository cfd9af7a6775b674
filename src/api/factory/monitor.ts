/** Routes of DataArts Factory v2 that count what runs and what has run (dataarts-factory 5, `F/monitor`). */
import type { Static } from "typebox";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { COMPLETION_STEP_MS, completionDays, completionOf } from "../../domain/completion.ts";
import { topologicalOrder } from "../../domain/graph.ts";
import { listPinnedDefinitions } from "../../store/instances.ts";
import {
  countInstances,
  countNodeSuccesses,
  countSuccesses,
  type SuccessCount,
} from "../../store/monitor.ts";
import type { WorkspaceKey } from "../../store/workspaces.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import {
  CompletionData,
  CompletionQuery,
  decodeDay,
  decodeDays,
  decodeTaskTypes,
  encodeCompletion,
  encodeOverview,
  Overview,
  OverviewQuery,
} from "./monitor-wire.ts";

const MONITOR = "/v2/:project_id/factory/monitor";

export function monitorRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "GET",
      path: `${MONITOR}/task-statistics-overview`,
      role: "reader",
      contract: {
        operation: "list_factory_task_overview",
        summary: "Counts a workspace's instances of some days by how they stand",
        tag: "Monitor",
        query: OverviewQuery,
        replies: { 200: Overview },
      },
      handle: (request) => showOverview(deps, request, readQuery(OverviewQuery, request.query)),
    },
    {
      method: "GET",
      path: `${MONITOR}/task-completion-data`,
      role: "reader",
      contract: {
        operation: "list_factory_task_completion",
        summary: "Counts a workspace's nodes that succeeded, hour by hour of a day and of those before",
        tag: "Monitor",
        query: CompletionQuery,
        replies: { 200: CompletionData },
      },
      handle: (request) => showCompletion(deps, request, readQuery(CompletionQuery, request.query)),
    },
  ];
}

async function showOverview(
  deps: FactoryDeps,
  request: CallerRequest,
  asked: Static<typeof OverviewQuery>,
): Promise<Reply> {
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const counts = await countInstances(deps.pool, workspace, {
    ...decodeDays(asked, deps.now(), deps.timeZone),
    ...(asked.is_own && { owner: request.caller.userName }),
  });
  return json(200, encodeOverview(counts));
}

async function showCompletion(
  deps: FactoryDeps,
  request: CallerRequest,
  asked: Static<typeof CompletionQuery>,
): Promise<Reply> {
  const now = deps.now();
  const day = decodeDay(asked, now, deps.timeZone);
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const days = completionDays(deps.timeZone, day, asked.start_time);
  const counts = await countCompleted(deps, workspace, {
    from: new Date(days.before[0] ?? days.start),
    to: new Date(days.end),
    types: decodeTaskTypes(asked),
  });
  return json(200, encodeCompletion(completionOf(days, counts, now)));
}

interface Counted {
  readonly from: Date;
  readonly to: Date;
  readonly types: readonly string[] | undefined;
}

async function countCompleted(
  { pool }: FactoryDeps,
  workspace: WorkspaceKey,
  { types, ...stretch }: Counted,
): Promise<ReadonlyMap<number, number>> {
  const steps = { ...stretch, stepMs: COMPLETION_STEP_MS };
  if (types === undefined) return summed(await countSuccesses(pool, workspace, steps));
  const found = await countNodeSuccesses(pool, workspace, { ...steps, types });
  const { projectId } = workspace;
  const versions = new Map(
    found.map(({ jobId, jobVersion }) => [`${jobId}/${jobVersion}`, { projectId, jobId, jobVersion }]),
  );
  const definitions = await listPinnedDefinitions(pool, [...versions.values()]);
  const nodeTypes = new Map(
    definitions.map(({ jobId, jobVersion, definition }) => [
      `${jobId}/${jobVersion}`,
      topologicalOrder(definition.nodes).map(({ type }) => type),
    ]),
  );
  const isAsked = ({ jobId, jobVersion, nodeNo }: (typeof found)[number]) =>
    types.includes(nodeTypes.get(`${jobId}/${jobVersion}`)?.[nodeNo] ?? "");
  return summed(found.filter(isAsked));
}

function summed(found: readonly SuccessCount[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { step, count } of found) counts.set(step, (counts.get(step) ?? 0) + count);
  return counts;
}
