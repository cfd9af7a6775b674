/** The console's API about backfills: create, preview, list, one with its progress and times, and what people do. */
import { checkWorkspace, type WorkspaceDeps } from "../../catalog/workspaces.ts";
import { invalid, missing } from "../../domain/fault.ts";
import { BACKFILL, type BackfillState, PLANNED_RUN } from "../../domain/states.ts";
import type { Engine } from "../../engine/operations.ts";
import type { BackfillControl, BackfillRequest } from "../../engine/requests.ts";
import { type BackfillFilter, type BackfillListing, listBackfills } from "../../store/backfill-lists.ts";
import { listBackfillRuns } from "../../store/backfill-runs.ts";
import { findBackfill, listBackfillJobs } from "../../store/backfills.ts";
import { findVersionedJob } from "../../store/job-versions.ts";
import { requireWorkspaceRole } from "../role-scope.ts";
import {
  type CallerRequest,
  firstOf,
  json,
  NO_CONTENT,
  type Query,
  type Reply,
  type Route,
} from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import {
  type BackfillRequestBody,
  checkBackfillBody,
  decodeBackfill,
  encodeBackfill,
  encodePreview,
  encodeRuns,
} from "./backfill-wire.ts";

export interface BackfillDeps extends WorkspaceDeps {
  readonly engine: Pick<
    Engine,
    "createBackfill" | "previewBackfill" | "pauseBackfill" | "resumeBackfill" | "cancelBackfill"
  >;
}

const LIST = "/api/backfills";
const BACKFILL_PATH = `${LIST}/:name`;
const LIMIT_MAX = 1000;
const SHOWN_MAX = 100;

export function backfillRoutes(deps: BackfillDeps): Route[] {
  const { engine } = deps;
  const act = (
    word: string,
    perform: (control: BackfillControl, request: CallerRequest) => Promise<void>,
  ): Route => ({
    method: "POST",
    path: `${BACKFILL_PATH}/${word}`,
    role: "member",
    handle: async (request) => {
      await perform(controlOf(request), request);
      return NO_CONTENT;
    },
  });
  return [
    { method: "POST", path: LIST, role: "member", handle: (request) => create(deps, request) },
    { method: "POST", path: `${LIST}/preview`, role: "reader", handle: (request) => preview(deps, request) },
    { method: "GET", path: LIST, role: "reader", handle: (request) => list(deps, request) },
    { method: "GET", path: BACKFILL_PATH, role: "reader", handle: (request) => show(deps, request) },
    {
      method: "GET",
      path: `${BACKFILL_PATH}/runs`,
      role: "reader",
      handle: (request) => listRuns(deps, request),
    },
    act("pause", engine.pauseBackfill),
    act("resume", engine.resumeBackfill),
    act("cancel", (control, { body }) => engine.cancelBackfill(control, stopsRunning(body))),
  ];
}

function controlOf(request: CallerRequest): BackfillControl {
  return { ...workspaceOf(request), name: request.params.name ?? "", by: request.caller.userName };
}

/** `{"running": "leave"}` lets what runs go on to its end; else it is stopped. */
function stopsRunning(body: unknown): boolean {
  const running = typeof body === "object" && body !== null && "running" in body ? body.running : "stop";
  if (running === "stop" || running === "leave") return running === "stop";
  return invalid("request-invalid", ["running: must be stop or leave"]);
}

async function create(deps: BackfillDeps, request: CallerRequest): Promise<Reply> {
  const wanted = await requestOf(deps, request, checkBackfillBody(request.body));
  await deps.engine.createBackfill(wanted);
  return json(201, encodeBackfill(await listingOf(deps, { ...workspaceOf(request), name: wanted.name })));
}

async function preview(deps: BackfillDeps, request: CallerRequest): Promise<Reply> {
  const shown = numberOf(request.query, "shown", { most: SHOWN_MAX, fallback: 5 });
  const wanted = await requestOf(deps, request, checkBackfillBody(request.body));
  return json(200, encodePreview(await deps.engine.previewBackfill(wanted, shown)));
}

async function requestOf(
  deps: BackfillDeps,
  request: CallerRequest,
  body: BackfillRequestBody,
): Promise<BackfillRequest> {
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const schedule = (await findVersionedJob(deps.pool, workspace, body.job))?.definition.schedule;
  const zone = (schedule?.type === "cron" ? schedule.cron?.zone : undefined) ?? "UTC";
  const made = deps
    .now()
    .toISOString()
    .replaceAll(/[-:]|\..*/g, "");
  const decoded = decodeBackfill(body, { workspaceId: workspace.workspaceId, zone });
  for (const { workspaceId } of decoded.dependents)
    requireWorkspaceRole(request.caller, workspaceId, "member");
  return {
    ...workspace,
    name: body.name ?? `${body.job}-${made}`,
    ...decoded,
    by: request.caller.userName,
  };
}

async function list(deps: BackfillDeps, request: CallerRequest): Promise<Reply> {
  const workspace = workspaceOf(request);
  const { query } = request;
  const limit = numberOf(query, "limit", { most: LIMIT_MAX, fallback: 50 });
  const offset = limit * numberOf(query, "page", { most: Number.MAX_SAFE_INTEGER / LIMIT_MAX, fallback: 0 });
  const filter = filterOf(query, workspace.workspaceId);
  const { total, backfills } = await listBackfills(deps.pool, workspace.projectId, filter, { limit, offset });
  return json(200, { total, backfills: backfills.map(encodeBackfill) });
}

function filterOf(query: Query, workspaceId: string): BackfillFilter {
  const nameContains = firstOf(query, "name");
  const jobName = firstOf(query, "job");
  const state = firstOf(query, "state");
  if (state !== undefined && !Object.hasOwn(BACKFILL, state))
    invalid("request-invalid", [`state: must be one of ${Object.keys(BACKFILL).join(", ")}`]);
  return {
    workspaceId,
    ...(nameContains !== undefined && { nameContains }),
    ...(jobName !== undefined && { jobName }),
    ...(state !== undefined && { states: [state as BackfillState] }),
  };
}

async function show(deps: BackfillDeps, request: CallerRequest): Promise<Reply> {
  return json(200, encodeBackfill(await listingOf(deps, controlOf(request))));
}

async function listingOf(
  { pool }: BackfillDeps,
  key: Pick<BackfillControl, "projectId" | "workspaceId" | "name">,
): Promise<BackfillListing> {
  const backfill = (await findBackfill(pool, key, key.name)) ?? unknownBackfill(key.name);
  const jobs = await listBackfillJobs(pool, backfill);
  return { ...backfill, jobNames: jobs.map(({ jobName }) => jobName) };
}

async function listRuns(deps: BackfillDeps, request: CallerRequest): Promise<Reply> {
  const { query } = request;
  const backfill = await listingOf(deps, controlOf(request));
  const limit = numberOf(query, "limit", { most: LIMIT_MAX, fallback: 100 });
  const page = numberOf(query, "page", { most: Number.MAX_SAFE_INTEGER / LIMIT_MAX, fallback: 0 });
  const state = firstOf(query, "state");
  if (state !== undefined && !Object.hasOwn(PLANNED_RUN, state))
    invalid("request-invalid", [`state: must be one of ${Object.keys(PLANNED_RUN).join(", ")}`]);
  const filter = state === undefined ? {} : { state: state as keyof typeof PLANNED_RUN };
  const runs = await listBackfillRuns(deps.pool, backfill, filter, { limit, offset: page * limit });
  return json(200, encodeRuns(runs, backfill.zone));
}

/** A whole number of the query, from 0 (a limit: from 1) to `most`. */
function numberOf(
  query: Query,
  name: string,
  { most, fallback }: { readonly most: number; readonly fallback: number },
): number {
  const text = firstOf(query, name);
  if (text === undefined) return fallback;
  const least = name === "limit" ? 1 : 0;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  return invalid("request-invalid", [`${name}: must be a whole number from ${least} to ${most}`]);
}

function unknownBackfill(name: string): never {
  missing("backfill-missing", `there is no backfill "${name}"`);
}
