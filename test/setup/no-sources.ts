/** What an engine needs of the catalog where nodes name nothing. */
import { LOCAL_CLUSTER_ID } from "../../src/domain/cluster.ts";
import type { WorkSources } from "../../src/engine/sources.ts";

export const NO_SOURCES: WorkSources = {
  openTopic: async () => {
    throw new RangeError("the test has no topics");
  },
  publish: async () => {
    throw new RangeError("the test has no notices");
  },
  openBucket: () => {
    throw new RangeError("the test has no endpoints");
  },
  loadCluster: async () => ({ id: LOCAL_CLUSTER_ID, name: "local", local: true, services: {} }),
  loadScript: async () => undefined,
  loadMigration: async () => undefined,
  loadResourceFiles: async () => undefined,
  loadConnection: async () => undefined,
  loadEnvironment: async () => ({}),
  loadCalendar: async () => undefined,
  loadProgram: async () => ({ files: [], args: [], environment: {} }),
  localCommandsAllowed: async () => true,
  buckets: () => ({
    open: async () => {
      throw new RangeError("the test has no buckets");
    },
    list: async () => [],
    exists: async () => false,
    localPath: async () => undefined,
    write: async () => undefined,
    createFolder: async () => undefined,
    remove: async () => false,
  }),
};
