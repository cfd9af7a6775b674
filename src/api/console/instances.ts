/** Routes of the console's API about instances: one with its nodes and attempts, and the logs of these. */
import { invalid, missing } from "../../domain/fault.ts";
import { shownAt } from "../../domain/instance.ts";
import { createDefinitions, type Definitions } from "../../engine/definitions.ts";
import { listPastAttempts } from "../../store/attempts.ts";
import type { BlobStore } from "../../store/blobs.ts";
import type { Database } from "../../store/database.ts";
import { findInstance, listNodeRuns } from "../../store/instances.ts";
import { logSizeBytes, readLog } from "../../store/logs.ts";
import { listResults } from "../../store/node-runs.ts";
import { type CallerRequest, firstOf, json, type Reply, type Route } from "../route.ts";
import { encodeAttempts, encodeInstance, encodeNode, type InstanceView } from "./instance-wire.ts";

export interface InstanceDeps {
  readonly pool: Database;
  readonly blobs: BlobStore;
  readonly now: () => Date;
}

/** Attempts of a node that are shown, the newest. */
const ATTEMPTS_MAX = 20;
/** Bytes of a log in one answer; `x-log-next` says where to read on. */
export const LOG_PART_BYTES_MAX = 1024 * 1024;

export function instanceRoutes(deps: InstanceDeps): Route[] {
  const definitions = createDefinitions(deps.pool);
  return [
    {
      method: "GET",
      path: "/api/instances/:instance_id",
      role: "reader",
      handle: async ({ caller, params }) =>
        json(200, await viewInstance(deps, definitions, caller.projectId, instanceIdOf(params.instance_id))),
    },
    {
      method: "GET",
      path: "/api/instances/:instance_id/nodes/:node_no/attempts/:attempt/log",
      role: "reader",
      handle: (request) => answerLog(deps, request),
    },
  ];
}

async function viewInstance(
  { pool, blobs, now }: InstanceDeps,
  definitions: Definitions,
  projectId: string,
  instanceId: number,
): Promise<InstanceView> {
  const instance = (await findInstance(pool, projectId, instanceId)) ?? unknownInstance(instanceId);
  const [runs, results, past, pinned] = await Promise.all([
    listNodeRuns(pool, projectId, instanceId),
    listResults(pool, { projectId, instanceId }),
    listPastAttempts(pool, { projectId, instanceId, perNodeMax: ATTEMPTS_MAX }),
    definitions.pinnedOf(instance),
  ]);
  const outputs = new Map(results.map(({ nodeNo, output }) => [nodeNo, output]));
  const nodes = runs.map(async (run) => {
    const attempts = encodeAttempts(
      run,
      past.filter(({ nodeNo }) => nodeNo === run.nodeNo),
    );
    const sizes = attempts.map(({ attempt }) =>
      logSizeBytes(blobs, { projectId, instanceId, nodeNo: run.nodeNo, attempt }),
    );
    const sized = await Promise.all(sizes);
    return encodeNode(run, {
      node: pinned?.nodes[run.nodeNo],
      output: outputs.get(run.nodeNo) ?? null,
      attempts: attempts.map((attempt, index) => ({ ...attempt, logBytes: sized[index] ?? 0 })),
    });
  });
  return encodeInstance(shownAt(instance, now()), await Promise.all(nodes));
}

/** The log's bytes from `from` on, as text; empty when nothing follows yet. An attempt that was never made is missing. */
async function answerLog(
  { pool, blobs }: InstanceDeps,
  { caller, params, query }: CallerRequest,
): Promise<Reply> {
  const { projectId } = caller;
  const instanceId = instanceIdOf(params.instance_id);
  (await findInstance(pool, projectId, instanceId)) ?? unknownInstance(instanceId);
  const nodeNo = placeOf(params.node_no);
  const run = (await listNodeRuns(pool, projectId, instanceId)).find(
    (candidate) => candidate.nodeNo === nodeNo,
  );
  const attempt = placeOf(params.attempt);
  if (run === undefined || attempt < 1 || attempt > run.attempt)
    missing(
      "instance-missing",
      `instance ${instanceId} has no attempt ${params.attempt} of a node ${params.node_no}`,
    );
  const fromByte = placeOf(firstOf(query, "from") ?? "0");
  const key = { projectId, instanceId, nodeNo, attempt };
  const part = await readLog(blobs, key, { fromByte, bytesMax: LOG_PART_BYTES_MAX });
  return {
    status: 200,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "x-log-next": String(part.nextByte),
    },
    bytes: part.content,
  };
}

/** A number that no instance has is an instance that is not there. @throws Fault `instance-missing` */
export function instanceIdOf(text: string | undefined): number {
  const id = Number(text);
  return Number.isSafeInteger(id) && id > 0 ? id : unknownInstance(text);
}

function placeOf(text: string | undefined): number {
  const place = Number(text);
  if (text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(place)) return place;
  invalid("request-invalid", [`"${text}" is not a whole number from 0 on`]);
}

/** @throws Fault `instance-missing` */
export function unknownInstance(id: number | string | undefined): never {
  missing("instance-missing", `there is no instance ${id}`);
}
