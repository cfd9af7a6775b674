/** What nodes are run with and within: the operators' settings of this installation, and how far nodes are kept apart. */
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { Fault } from "../domain/fault.ts";
import { describeIsolation, detectIsolation, type IsolationReport } from "../operators/isolation.ts";
import { OPERATOR_DEFAULTS, type OperatorSettings } from "../operators/settings.ts";
import { WORK_FOLDER_PREFIX } from "../operators/work-folder.ts";
import { findProjectLimits } from "../store/projects.ts";
import { openLocalSoftware } from "./local-software.ts";
import type { Store } from "./store.ts";

export function operatorSettings(config: Config, { pool, warehouse }: Store): OperatorSettings {
  const { dataDir, databaseUrl, allowedPrivateAddresses } = config;
  const installation = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  return {
    ...OPERATOR_DEFAULTS,
    software: openLocalSoftware(config),
    localWorkSlots: config.localWorkSlots,
    workFolder: join(tmpdir(), `${WORK_FOLDER_PREFIX}${installation}`),
    hiddenFolders: [dataDir],
    userSlot: async (projectId) => (await findProjectLimits(pool, projectId))?.userSlot ?? missing(),
    allowedAddresses: allowedPrivateAddresses,
    ...(databaseUrl !== undefined && placeOf(databaseUrl)),
    ...(warehouse !== undefined && { warehouse: async () => warehouse }),
  };
}

function missing(): never {
  throw new Fault("not-found", "project-missing", "the project is not there any more");
}

function placeOf(databaseUrl: string): Pick<OperatorSettings, "ownDatabase"> {
  const { hostname, port, pathname } = new URL(databaseUrl);
  return { ownDatabase: { host: hostname, port: Number(port || 5432), database: pathname.slice(1) } };
}

/** How far this machine lets nodes be kept apart, in plain words, and where they look for commands; tries it out. */
export async function examineIsolation({
  dataDir,
}: Config): Promise<IsolationReport & { readonly searchPath: string }> {
  const settings = { ...OPERATOR_DEFAULTS, workFolder: tmpdir(), hiddenFolders: [dataDir] };
  return { ...describeIsolation(await detectIsolation(settings)), searchPath: settings.searchPath };
}
