/** Instances and their attempts as spans of OpenTelemetry, through its API alone: who has set up no export loses nothing. */
import { createHash } from "node:crypto";
import {
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Observation, Observe } from "../domain/observation.ts";
import type { Database } from "../store/database.ts";
import { findInstance } from "../store/instances.ts";

/** The ids of an instance's trace and of its own span: the same wherever, and however often, they are asked for. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

export interface TraceDeps {
  readonly db: Database;
  readonly tracer: Tracer;
  /** Makes a span that `begin` begins have these ids; without an exporter of ours it gets others. */
  readonly withIds: <Value>(ids: TraceIds, begin: () => Value) => Value;
  readonly observe: Observe;
}

type Ended<Event extends Observation["event"]> = Extract<Observation, { readonly event: Event }>;

/**
 * What is to be told of all that is observed. All servers that have a part in an instance speak of one trace, because its
 * id follows from the instance.
 */
export function createTraces(deps: TraceDeps): Observe {
  return (observation) => {
    if (observation.event === "attempt-ended") traceAttempt(deps, observation);
    if (observation.event === "instance-ended")
      traceInstance(deps, observation).catch((error: unknown) =>
        deps.observe({ event: "loop-failed", loop: "traces", error }),
      );
  };
}

/** Of the instance's first run, or of one of its reruns: they have one trace, and a span each. */
function traceIdsOf(projectId: string, instanceId: number, rerun = 0): TraceIds {
  const first = hashOf(`azalai instance ${projectId} ${instanceId}`);
  const own = rerun === 0 ? first : hashOf(`azalai instance ${projectId} ${instanceId} rerun ${rerun}`);
  return { traceId: first.slice(0, 32), spanId: own.slice(32, 48) };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The context of what belongs to a run: it may be another server that tells of the run itself. */
function contextOf(ids: TraceIds): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { ...ids, traceFlags: TraceFlags.SAMPLED, isRemote: true });
}

function traceAttempt({ tracer }: TraceDeps, ended: Ended<"attempt-ended">): void {
  const { projectId, instanceId, node, attempt, rerun, lane, outcome, startedAt, endedAt, message } = ended;
  const parent = contextOf(traceIdsOf(projectId, instanceId, rerun));
  const attributes = {
    "azalai.project": projectId,
    "azalai.instance": instanceId,
    "azalai.node": node,
    "azalai.attempt": attempt,
    "azalai.lane": lane,
    "azalai.outcome": outcome,
  };
  const span = tracer.startSpan(node, { kind: SpanKind.INTERNAL, startTime: startedAt, attributes }, parent);
  if (outcome !== "succeeded" && outcome !== "skipped")
    span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
  span.end(endedAt);
}

async function traceInstance(
  { db, tracer, withIds }: TraceDeps,
  { projectId, instanceId }: Ended<"instance-ended">,
): Promise<void> {
  const instance = await findInstance(db, projectId, instanceId);
  if (instance === undefined || instance.endedAt === null) return;
  const { jobName, origin, state, plannedAt, createdAt, startedAt, endedAt, errorMessage, reruns } = instance;
  const attributes = {
    "azalai.project": projectId,
    "azalai.instance": instanceId,
    "azalai.job": jobName,
    "azalai.origin": origin,
    "azalai.state": state,
    "azalai.planned_at": plannedAt.toISOString(),
    ...(reruns > 0 && { "azalai.rerun": reruns }),
  };
  const options = { kind: SpanKind.INTERNAL, startTime: startedAt ?? createdAt, attributes };
  const parent = reruns === 0 ? ROOT_CONTEXT : contextOf(traceIdsOf(projectId, instanceId));
  const span = withIds(traceIdsOf(projectId, instanceId, reruns), () =>
    tracer.startSpan(jobName, options, parent),
  );
  if (state !== "succeeded" && state !== "skipped")
    span.setStatus({ code: SpanStatusCode.ERROR, message: errorMessage ?? state });
  span.end(endedAt);
}
