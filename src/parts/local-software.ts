/** Software and engines of this machine, as the installation's settings place them. */
import { join } from "node:path";
import { type Config, packageClientEnvironment, processEnvironment } from "../config.ts";
import { createLocalClusters, type LocalClusters } from "../operators/local-clusters.ts";
import { createLocalSoftware, type LocalSoftware } from "../operators/local-software.ts";
import { LOCAL_SOFTWARE, SOFTWARE_NAMES, type Software } from "../operators/local-software-versions.ts";
import type { ProcessRunner } from "../operators/process.ts";
import type { OperatorSettings } from "../operators/settings.ts";

export function openLocalSoftware({ localEngines }: Pick<Config, "localEngines">): LocalSoftware {
  return createLocalSoftware({
    folder: localEngines.softwareDir,
    environment: packageClientEnvironment(processEnvironment()),
  });
}

/** All that can be fetched, in the order of their sizes. */
export function knownSoftware(): readonly Software[] {
  return SOFTWARE_NAMES.map((name) => LOCAL_SOFTWARE[name]);
}

interface LocalClusterSurroundings {
  readonly operators: OperatorSettings;
  readonly runner: ProcessRunner;
  readonly now: () => Date;
}

/** What it starts outlives this server where that is killed: the next one on the data folder goes on with it. */
export function openLocalClusters(
  { dataDir, localEngines }: Config,
  { operators, runner, now }: LocalClusterSurroundings,
): LocalClusters {
  const { allowed, most, idleMinutes } = localEngines;
  return createLocalClusters({
    settings: { folder: join(dataDir, "local-clusters"), allowed, most, idleMs: idleMinutes * 60_000, now },
    operators,
    isolation: runner.isolation,
    software: operators.software,
  });
}
