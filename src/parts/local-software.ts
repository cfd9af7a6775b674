/** The software of local engines, as the installation's settings place it. */
import { type Config, packageClientEnvironment, processEnvironment } from "../config.ts";
import { createLocalSoftware, type LocalSoftware } from "../operators/local-software.ts";
import { LOCAL_SOFTWARE, SOFTWARE_NAMES, type Software } from "../operators/local-software-versions.ts";

export function openLocalSoftware({ enginesDir }: Pick<Config, "enginesDir">): LocalSoftware {
  return createLocalSoftware({
    folder: enginesDir,
    environment: packageClientEnvironment(processEnvironment()),
  });
}

/** All that can be fetched, in the order of their sizes. */
export function knownSoftware(): readonly Software[] {
  return SOFTWARE_NAMES.map((name) => LOCAL_SOFTWARE[name]);
}
