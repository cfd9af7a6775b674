/** Tries the services of a cluster, and ends there what nothing follows any more. */
import type { ServiceTest } from "../domain/cluster.ts";
import type { ClusterService, JsonObject } from "../domain/cluster-services.ts";
import { Fault } from "../domain/fault.ts";
import { createSecretMask } from "../domain/secret-mask.ts";
import type { ClusterAdapter, ClusterProbe, WorkStatus } from "./cluster-adapter.ts";
import type { ClusterAdapters } from "./cluster-adapters.ts";
import type { WorkCluster } from "./operator.ts";

const TEST_MS = 10_000;
const CANCEL_MS = 20_000;
const CANCEL_POLL_MS = 200;
const CANCEL_POLLS = 5;

/** Asks each service that this server can speak to who it is; never rejects, and settles within seconds. */
export async function testServices(
  clusters: ClusterAdapters,
  cluster: WorkCluster,
  signal: AbortSignal,
): Promise<readonly ServiceTest[]> {
  const services = Object.keys(cluster.services) as readonly ClusterService[];
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(TEST_MS)]);
  const tests = services.flatMap((service) => {
    const probe = clusters.probeOf(cluster, service);
    return probe === undefined ? [] : [testOne(service, cluster, (ended) => probe(ended), bounded)];
  });
  return await Promise.all(tests);
}

async function testOne(
  service: ClusterService,
  cluster: WorkCluster,
  probe: (signal: AbortSignal) => Promise<ClusterProbe>,
  signal: AbortSignal,
): Promise<ServiceTest> {
  try {
    return { service, ok: true, detail: (await probe(signal)).detail };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const mask = createSecretMask(...Object.values(cluster.services));
    return { service, ok: false, detail: mask?.cover(reason) ?? reason };
  }
}

/** What a submission is known by to its cluster. */
export interface CancelledWork {
  readonly key: string;
  readonly handle: JsonObject;
}

/** Tells the cluster to end it, and what is known of it then; `going` also where the cluster does not answer. */
export async function cancelOnCluster(
  adapter: ClusterAdapter,
  { key, handle }: CancelledWork,
): Promise<"ended" | "going" | "forgotten"> {
  const signal = AbortSignal.timeout(CANCEL_MS);
  try {
    const known = await knownAs(adapter, { key, handle }, signal);
    if (known === undefined) return "forgotten";
    for (let poll = 0; poll < CANCEL_POLLS; poll += 1) {
      const [status] = await adapter.statuses([known], signal);
      if (status === undefined || isForgotten(status)) return "forgotten";
      if (["succeeded", "failed", "killed"].includes(status.state)) return "ended";
      if (poll === 0) await adapter.cancel(known, "kill", signal);
      await new Promise((resolve) => setTimeout(resolve, CANCEL_POLL_MS));
    }
    return "going";
  } catch (error) {
    // A cluster that is away, or refuses the login, is asked again.
    if (error instanceof Fault || signal.aborted) return "going";
    throw error;
  }
}

async function knownAs(
  adapter: ClusterAdapter,
  { key, handle }: CancelledWork,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  const [status] = await adapter.statuses([handle], signal);
  if (status !== undefined && !isForgotten(status)) return handle;
  if (adapter.submitOnce === "by-id") return undefined;
  return (await adapter.find(key, signal)) ?? undefined;
}

function isForgotten(status: WorkStatus): boolean {
  return status.state === "unknown" && status.forgotten;
}
