/** Where all that is observed goes: to the log, into the metrics, and into traces where there is somebody to take them. */
import { AsyncLocalStorage } from "node:async_hooks";
import { createMetrics, type Metrics, type MetricsDeps } from "../api/metrics.ts";
import type { Observe } from "../domain/observation.ts";
import { startTraceExport, type TraceTarget } from "../engine/trace-export.ts";
import { createTraces } from "../engine/traces.ts";
import type { Database } from "../store/database.ts";
import { createLog } from "./log.ts";

export interface Outlook {
  readonly observe: Observe;
  readonly metrics: Metrics;
  /** From now on spans of instances and attempts are sent to `target`; gives what ends that. */
  readonly traceTo: (target: TraceTarget, db: Database) => Promise<() => Promise<void>>;
  /** What `work` leads to is logged with the request's id. */
  readonly within: <Value>(requestId: string, work: () => Promise<Value>) => Promise<Value>;
}

export function createOutlook(logLevel: string, measured: MetricsDeps): Outlook {
  const requests = new AsyncLocalStorage<string>();
  const metrics = createMetrics(measured);
  const all = [metrics.observe, createLog(logLevel, () => requests.getStore())];
  const observe: Observe = (observation) => {
    for (const one of all) one(observation);
  };
  return {
    observe,
    metrics,
    traceTo: async (target, db) => {
      const { stop, ...spans } = await startTraceExport(target);
      all.push(createTraces({ db, observe, ...spans }));
      return stop;
    },
    within: (requestId, work) => requests.run(requestId, work),
  };
}
