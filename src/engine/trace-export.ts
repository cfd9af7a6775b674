/** Sends spans to a collector by OTLP over HTTP, in JSON. Its packages are optional and loaded at the first use. */
import { randomBytes } from "node:crypto";
import type { Tracer } from "@opentelemetry/api";
import { Fault } from "../domain/fault.ts";
import type { TraceDeps, TraceIds } from "./traces.ts";

export interface TraceExport extends Pick<TraceDeps, "tracer" | "withIds"> {
  /** Sends what is still here. */
  readonly stop: () => Promise<void>;
}

export interface TraceTarget {
  /** Such as `http://collector:4318/v1/traces`. */
  readonly url: string;
  readonly serviceName: string;
}

const SEND_MS = 1_000;

/** @throws Fault `server-unavailable` where the packages are not installed. */
export async function startTraceExport({ url, serviceName }: TraceTarget): Promise<TraceExport> {
  const { BatchSpanProcessor, OTLPTraceExporter, TracerProvider, resourceFromAttributes } =
    await loadPackages();
  let wanted: TraceIds | undefined;
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": serviceName }),
    idGenerator: {
      generateTraceId: () => wanted?.traceId ?? randomBytes(16).toString("hex"),
      generateSpanId: () => wanted?.spanId ?? randomBytes(8).toString("hex"),
    },
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }), scheduledDelayMillis: SEND_MS }),
    ],
  });
  const tracer: Tracer = provider.getTracer("azalai");
  return {
    tracer,
    // A span takes its ids while it is begun, and nothing else runs meanwhile.
    withIds: (ids, begin) => {
      wanted = ids;
      try {
        return begin();
      } finally {
        wanted = undefined;
      }
    },
    stop: () => provider.shutdown(),
  };
}

async function loadPackages() {
  try {
    const [sdk, exporter, resources] = await Promise.all([
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
    return { ...sdk, ...exporter, ...resources };
  } catch (cause) {
    const message =
      "traces need the packages @opentelemetry/sdk-trace, exporter-trace-otlp-http and resources, which are not installed";
    throw new Fault("unavailable", "server-unavailable", message, { cause });
  }
}
