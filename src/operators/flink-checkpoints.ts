/** Where a Flink job can be gone on with: savepoints when it is stopped, and the checkpoints that it makes itself. */
import { createHash } from "node:crypto";
import type { FlinkCaller } from "./flink-rest.ts";
import type { ResumePoint } from "./operator.ts";

export interface Stop {
  /** False: the job runs still, and has to be cancelled. */
  readonly stopped: boolean;
  /** Where it can be gone on with. */
  readonly path?: string;
}

const POLL_MS = 200;

/** Undefined while the job is unknown, or has made no checkpoint that others could read. */
export async function findResumePoint(
  call: FlinkCaller,
  jobId: string,
  signal: AbortSignal,
): Promise<ResumePoint | undefined> {
  const { status, json } = await call({ method: "GET", path: `/jobs/${jobId}/checkpoints`, signal });
  if (status !== 200) return undefined;
  const { completed = 0, failed = 0 } = Object(json.counts) as { completed?: number; failed?: number };
  const latest = Object(json.latest) as { readonly completed?: unknown; readonly savepoint?: unknown };
  const known = [latest.completed, latest.savepoint].flatMap((one) => readCheckpoint(one) ?? []);
  const newest = known.sort((one, other) => other.takenAt.getTime() - one.takenAt.getTime())[0];
  return newest && { ...newest, completed, failed };
}

function readCheckpoint(value: unknown): Omit<ResumePoint, "completed" | "failed"> | undefined {
  const one = Object(value) as Readonly<Record<string, unknown>>;
  const path = one.external_path;
  // One that lies in the JobManager's memory has a text in its place.
  if (typeof path !== "string" || !/^[a-z][a-z0-9+.-]*:/i.test(path)) return undefined;
  return {
    path,
    takenAt: new Date(Number(one.latest_ack_timestamp)),
    bytes: Number(one.state_size ?? 0),
    durationMs: Number(one.end_to_end_duration ?? 0),
  };
}

/**
 * Stops the job at a savepoint in the cluster's own folder. Where the cluster cannot make one, the newest checkpoint that
 * outlives a cancel stands in its place, and the job is left to be cancelled.
 */
export async function stopWithSavepoint(
  call: FlinkCaller,
  jobId: string,
  signal: AbortSignal,
): Promise<Stop> {
  // The same for each try: a stop that is asked for again is the same stop.
  const triggerId = createHash("md5").update(`stop ${jobId}`).digest("hex");
  const path = `/jobs/${jobId}/stop`;
  const asked = await call({ method: "POST", path, body: { drain: false, triggerId }, signal });
  if (asked.status !== 202) return await retained(call, jobId, signal);
  for (;;) {
    const { status, json } = await call({
      method: "GET",
      path: `/jobs/${jobId}/savepoints/${triggerId}`,
      signal,
    });
    const { id } = Object(json.status) as { readonly id?: string };
    const { location } = Object(json.operation) as { readonly location?: string };
    if (location !== undefined) return { stopped: true, path: location };
    if (status !== 200 || id === "COMPLETED") return await retained(call, jobId, signal);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    signal.throwIfAborted();
  }
}

async function retained(call: FlinkCaller, jobId: string, signal: AbortSignal): Promise<Stop> {
  const { json } = await call({ method: "GET", path: `/jobs/${jobId}/checkpoints/config`, signal });
  const { enabled, delete_on_cancellation } = Object(json.externalization) as Readonly<
    Record<string, unknown>
  >;
  if (enabled !== true || delete_on_cancellation === true) return { stopped: false };
  const newest = await findResumePoint(call, jobId, signal);
  return { stopped: false, ...(newest !== undefined && { path: newest.path }) };
}
