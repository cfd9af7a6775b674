/** Clusters of this server: the adapters that speak to them, tries at them, and the look at each once a minute. */
import { type ClusterDeps, type TestCluster, usable } from "../catalog/clusters.ts";
import type { Config } from "../config.ts";
import type { Observe } from "../domain/observation.ts";
import { createLoop, type Loop } from "../engine/loop.ts";
import type { CancelSubmission } from "../engine/submissions.ts";
import { type ClusterAdapters, createClusterAdapters } from "../operators/cluster-adapters.ts";
import { cancelOnCluster, testServices } from "../operators/cluster-tests.ts";
import type { ServiceKind } from "../operators/operator.ts";
import { OPERATOR_DEFAULTS } from "../operators/settings.ts";
import {
  findClusterById,
  noteClusterState,
  type SealedCluster,
  takeClustersToCheck,
} from "../store/clusters.ts";

export interface Clusters {
  readonly adapters: ClusterAdapters;
  readonly testCluster: TestCluster;
  readonly cancelSubmission: CancelSubmission;
  /** Notes which registered clusters answer. */
  readonly checks: Loop;
}

type Deps = Pick<ClusterDeps, "pool" | "masterKeys" | "now"> & { readonly observe: Observe };

const CHECK_EACH_MS = 60_000;
const POLL_MS = 10_000;
const BATCH_MAX = 20;

export function createClusters(config: Pick<Config, "allowedPrivateAddresses">, deps: Deps): Clusters {
  const adapters = createClusterAdapters({
    sql: OPERATOR_DEFAULTS.sql,
    allowedAddresses: config.allowedPrivateAddresses,
    logBytesMax: OPERATOR_DEFAULTS.logBytesMax,
  });
  const testCluster: TestCluster = (cluster, signal) => testServices(adapters, cluster, signal);
  return {
    adapters,
    testCluster,
    cancelSubmission: async ({ clusterId, service, key, handle }) => {
      const cluster = await findClusterById(deps.pool, clusterId);
      // A cluster that is not registered any more is nobody's to ask.
      const adapter = cluster && adapters.adapterOf(usable(deps.masterKeys, cluster), service as ServiceKind);
      return adapter === undefined || handle === null
        ? "forgotten"
        : await cancelOnCluster(adapter, { key, handle });
    },
    checks: createLoop("cluster-checks", () => checkDue(deps, testCluster), deps.observe),
  };
}

async function checkDue(deps: Deps, testCluster: TestCluster): Promise<number> {
  const now = deps.now();
  const before = new Date(now.getTime() - CHECK_EACH_MS);
  const due = await takeClustersToCheck(deps.pool, { before, now, limit: BATCH_MAX });
  await Promise.all(due.map((cluster) => check(deps, testCluster, cluster)));
  return due.length === BATCH_MAX ? 0 : POLL_MS;
}

async function check(
  { pool, masterKeys, now }: Deps,
  testCluster: TestCluster,
  cluster: SealedCluster,
): Promise<void> {
  const tests = await testCluster(usable(masterKeys, cluster), new AbortController().signal);
  const failed = tests.filter(({ ok }) => !ok);
  await noteClusterState(pool, cluster, {
    state: failed.length === 0 ? "Active" : "Error",
    text:
      failed.length === 0 ? null : failed.map(({ service, detail }) => `${service}: ${detail}`).join("; "),
    at: now(),
  });
}
