/** The adapter of Ray against a cluster that stands in for one; test/engines has it against the real one. */
import { afterAll, beforeAll } from "vitest";
import { createClusterCallers } from "../src/operators/cluster-call.ts";
import { createRayAdapter } from "../src/operators/ray.ts";
import { contractOf } from "./engines/contract.ts";
import { type RayLikeCluster, startRayLikeCluster } from "./setup/ray-like-cluster.ts";

const callers = createClusterCallers(["loopback"]);
let cluster: RayLikeCluster;
beforeAll(async () => {
  cluster = await startRayLikeCluster();
});
afterAll(async () => {
  callers.close();
  await cluster.close();
});

const command = (...argv: readonly string[]) => ({
  form: "command" as const,
  argv,
  environment: {},
  files: [],
});
const adapter = () => createRayAdapter(callers.callerOf("ray", cluster.dashboard));

contractOf("a cluster like Ray", () => ({
  adapter: adapter(),
  again: adapter,
  says: (word, exitCode) => command("bash", "-c", `echo "$0"; exit ${exitCode}`, word),
  lasts: () => command("sleep", "300"),
  restartMaster: async () => {
    cluster.forget();
    return "forgets";
  },
  exitCodes: true,
}));
