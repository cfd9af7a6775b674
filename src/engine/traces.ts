/** Instances and their attempts as spans of OpenTelemetry, through its API alone: who has set up no export loses nothing. */
import { createHash } from "node:crypto";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, type Tracer, trace } from "@opentelemetry/api";
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

function traceIdsOf(projectId: string, instanceId: number): TraceIds {
  const hash = createHash("sha256").update(`azalai instance ${projectId} ${instanceId}`).digest("hex");
  return { traceId: hash.slice(0, 32), spanId: hash.slice(32, 48) };
}

function traceAttempt({ tracer }: TraceDeps, ended: Ended<"attempt-ended">): void {
  const { projectId, instanceId, node, attempt, lane, outcome, startedAt, endedAt, message } = ended;
  const parent = trace.setSpanContext(ROOT_CONTEXT, {
    ...traceIdsOf(projectId, instanceId),
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
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
  const { jobName, origin, state, plannedAt, createdAt, startedAt, endedAt, errorMessage } = instance;
  const attributes = {
    "azalai.project": projectId,
    "azalai.instance": instanceId,
    "azalai.job": jobName,
    "azalai.origin": origin,
    "azalai.state": state,
    "azalai.planned_at": plannedAt.toISOString(),
  };
  const options = { kind: SpanKind.INTERNAL, root: true, startTime: startedAt ?? createdAt, attributes };
  const span = withIds(traceIdsOf(projectId, instanceId), () =>
    tracer.startSpan(jobName, options, ROOT_CONTEXT),
  );
  if (state !== "succeeded" && state !== "skipped")
    span.setStatus({ code: SpanStatusCode.ERROR, message: errorMessage ?? state });
  span.end(endedAt);
}
