/** Software of real engines for tests: fetched once into the clone's cache, by the code of the product. */
import { join } from "node:path";
import { packageClientEnvironment } from "../../../src/config.ts";
import { createLocalSoftware } from "../../../src/operators/local-software.ts";

/** Outside of every data folder, and kept from one run to the next. */
const ENGINES_DIR = process.env.AZALAI_ENGINES_DIR || join(import.meta.dirname, "../../../.cache/engines");

export const localSoftware = createLocalSoftware({
  folder: ENGINES_DIR,
  environment: packageClientEnvironment(process.env),
});
