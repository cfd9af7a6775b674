/** Looks into a package without importing it. */
import { Fault } from "../domain/fault.ts";
import { JOB_PACKAGE, NO_CHANGES } from "../domain/package.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import type { Archive } from "../store/zip-archive.ts";
import { openPackage, type PackagedObject, type PackageReader, scanPackage } from "./package-contents.ts";
import { checkWorkspace, type WorkspaceDeps } from "./workspaces.ts";

/**
 * Hands each definition of the package to `visit`. Faults: `storage-path-invalid`; `storage-file-unreadable` for a file
 * that is not there, or is no archive within the limits; `package-invalid` with all that an import would refuse about
 * single definitions; `workspace-missing`.
 */
export async function checkPackage(
  deps: WorkspaceDeps & PackageReader,
  key: WorkspaceKey,
  path: string,
  visit: (object: PackagedObject) => void,
): Promise<void> {
  await checkWorkspace(deps.pool, deps, key);
  const archive = await openReadable(deps, key, path);
  try {
    const problems = await scanPackage(
      archive,
      deps.codec,
      { ...key, kinds: JOB_PACKAGE, changes: NO_CHANGES },
      visit,
    );
    if (problems.length > 0) throw new Fault("invalid", "package-invalid", "it has faults", { problems });
  } finally {
    await archive.close();
  }
}

/** Here what is no archive counts like what is not there (dataarts-factory 4.9). */
async function openReadable(
  deps: PackageReader,
  { projectId }: WorkspaceKey,
  path: string,
): Promise<Archive> {
  try {
    return await openPackage(deps, projectId, path);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "package-invalid") throw error;
    throw new Fault("invalid", "storage-file-unreadable", error.message, {
      problems: [error.message],
      cause: error,
    });
  }
}
