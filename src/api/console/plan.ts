/** The console's API about planning: previews, the plan ledger, pausing schedules, freezing runs. */
import { loadCalendar } from "../../catalog/calendars.ts";
import { getJob, jobMissing } from "../../catalog/jobs.ts";
import { checkWorkspace, type WorkspaceDeps } from "../../catalog/workspaces.ts";
import { invalid, missing } from "../../domain/fault.ts";
import { previewTimes } from "../../domain/plan.ts";
import type { Engine } from "../../engine/operations.ts";
import { listFreezes } from "../../store/freezes.ts";
import { listLedger } from "../../store/ledger.ts";
import { listJobIdsByName, listJobIdsWithNodes } from "../../store/node-jobs.ts";
import type { WorkspaceKey } from "../../store/workspaces.ts";
import { type CallerRequest, firstOf, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import {
  decodeFreeze,
  decodeLedgerKey,
  decodeLift,
  decodePreview,
  encodeFreeze,
  encodeLedger,
  encodePreview,
  instantOf,
} from "./plan-wire.ts";

export interface PlanDeps extends WorkspaceDeps {
  readonly engine: Pick<Engine, "pauseSchedule" | "resumeSchedule" | "freezeRuns" | "liftFreeze">;
  /** Of schedules that name none. */
  readonly timeZone: string;
}

const JOB = "/api/jobs/:job_name";
const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1000;

export function planRoutes(deps: PlanDeps): Route[] {
  const { engine } = deps;
  return [
    {
      method: "POST",
      path: "/api/schedules/preview",
      role: "reader",
      handle: (request) => preview(deps, request),
    },
    { method: "GET", path: "/api/plan", role: "reader", handle: (request) => list(deps, request) },
    {
      method: "POST",
      path: `${JOB}/pause`,
      role: "member",
      handle: async (request) => {
        await engine.pauseSchedule(await jobRequestOf(deps, request));
        return NO_CONTENT;
      },
    },
    {
      method: "POST",
      path: `${JOB}/resume`,
      role: "member",
      handle: async (request) => {
        await engine.resumeSchedule(await jobRequestOf(deps, request));
        return NO_CONTENT;
      },
    },
    { method: "GET", path: `${JOB}/freezes`, role: "reader", handle: (request) => freezes(deps, request) },
    { method: "POST", path: `${JOB}/freezes`, role: "member", handle: (request) => freeze(deps, request) },
    {
      method: "POST",
      path: `${JOB}/freezes/:freeze_id/lift`,
      role: "member",
      handle: (request) => lift(deps, request),
    },
  ];
}

async function preview(deps: PlanDeps, request: CallerRequest): Promise<Reply> {
  const {
    rule,
    calendar: name,
    after,
    count,
  } = decodePreview(request.body, {
    timeZone: deps.timeZone,
    now: deps.now(),
  });
  const days = name === undefined ? undefined : await loadCalendar(deps.pool, workspaceOf(request), name);
  if (name !== undefined && days === undefined)
    invalid("schedule-invalid", [`azalai.calendar: there is no calendar "${name}" in the workspace`]);
  const calendar = name !== undefined && days !== undefined ? { name, days } : undefined;
  return json(200, encodePreview(rule, previewTimes(rule, { after, count, calendar })));
}

/** Lines of a job that was deleted are found by its id; a real-time job's are those of its nodes' triggers. */
async function list(deps: PlanDeps, request: CallerRequest): Promise<Reply> {
  const { query } = request;
  const key = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, key);
  const limit = wholeOf("limit", firstOf(query, "limit")) ?? LIMIT_DEFAULT;
  if (limit < 1 || limit > LIMIT_MAX) invalid("request-invalid", [`limit: must be 1 to ${LIMIT_MAX}`]);
  const jobIds = await jobIdsOf(deps, key, query);
  const from = instantOf("from", firstOf(query, "from"));
  const to = instantOf("to", firstOf(query, "to"));
  const state = firstOf(query, "state");
  const reason = firstOf(query, "reason");
  const filter = {
    workspaceId: key.workspaceId,
    ...(jobIds !== undefined && { jobIds }),
    ...(state !== undefined && { states: state.split(",") }),
    ...(reason !== undefined && { reason }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
  const after = decodeLedgerKey(firstOf(query, "after"));
  return json(200, encodeLedger(await listLedger(deps.pool, key.projectId, filter, { after, limit }), limit));
}

async function jobIdsOf(
  { pool }: PlanDeps,
  key: WorkspaceKey,
  query: CallerRequest["query"],
): Promise<number[] | undefined> {
  const name = firstOf(query, "job");
  if (name !== undefined) {
    const ids = await listJobIdsByName(pool, key, name);
    if (ids.length === 0) throw jobMissing();
    return ids;
  }
  const jobId = wholeOf("jobId", firstOf(query, "jobId"));
  return jobId === undefined ? undefined : await listJobIdsWithNodes(pool, key.projectId, jobId);
}

async function freezes(deps: PlanDeps, request: CallerRequest): Promise<Reply> {
  const { projectId, jobId } = await jobRequestOf(deps, request);
  return json(200, { freezes: (await listFreezes(deps.pool, projectId, jobId)).map(encodeFreeze) });
}

async function freeze(deps: PlanDeps, request: CallerRequest): Promise<Reply> {
  const job = await jobRequestOf(deps, request);
  const id = await deps.engine.freezeRuns({ ...job, ...decodeFreeze(request.body) });
  return json(200, { id });
}

async function lift(deps: PlanDeps, request: CallerRequest): Promise<Reply> {
  const job = await jobRequestOf(deps, request);
  const { freeze_id: text = "" } = request.params;
  const freezeId = /^\d{1,15}$/.test(text)
    ? Number(text)
    : missing("freeze-missing", `the job has no freeze ${text}`);
  const instances = await deps.engine.liftFreeze({ ...job, freezeId, skip: decodeLift(request.body) });
  return json(200, { instances });
}

/** The job that the path names, and who asks. */
async function jobRequestOf(deps: PlanDeps, request: CallerRequest) {
  const { projectId, id: jobId } = await getJob(deps, workspaceOf(request), request.params.job_name ?? "");
  return { projectId, jobId, by: request.caller.userName };
}

function wholeOf(member: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return invalid("request-invalid", [`${member}: "${text}" is not a whole number from 0 on`]);
}
