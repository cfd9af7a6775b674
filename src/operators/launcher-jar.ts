/** The jar of our own small Java programs, `java/azalai/*.java`, which `tools/launcher-jar.ts` builds. */
import { join } from "node:path";

/** Every user of the machine can read it where the service's own files are readable. */
export function launcherJar(): string {
  return join(import.meta.dirname, "java", "azalai-launcher.jar");
}
