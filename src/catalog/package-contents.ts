/** What a package holds, read by the API's own rules. */
import { Fault } from "../domain/fault.ts";
import {
  type ArchiveLimits,
  type PackageChanges,
  type PackageKind,
  packageKindOf,
} from "../domain/package.ts";
import type { ProjectBuckets } from "../store/buckets.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { type Archive, type ArchiveEntry, openArchive } from "../store/zip-archive.ts";
import { type ConnectionDraft, checkConnectionDraft } from "./connections.ts";
import { checkJobDraft, type JobDraft } from "./jobs.ts";
import { checkResourceDraft, type ResourceDraft } from "./resources.ts";
import { checkScriptDraft, type ScriptDraft } from "./scripts.ts";

/** The files of a package as its face reads them; each function raises what the face's create call would. */
export interface PackageCodec {
  readonly job: (content: Buffer, workspaceId: string, changes: PackageChanges) => JobDraft;
  readonly script: (content: Buffer) => ScriptDraft;
  readonly resource: (content: Buffer, changes: PackageChanges) => ResourceDraft;
  readonly connection: (content: Buffer, changes: PackageChanges) => ConnectionDraft;
}

export interface PackageReader {
  readonly codec: PackageCodec;
  readonly buckets: (projectId: string) => Pick<ProjectBuckets, "open" | "write">;
  readonly limits: ArchiveLimits;
}

/** An object of a package, legal by itself; whether what it names is there is another question. */
export type PackagedObject =
  | { readonly kind: "job"; readonly entry: ArchiveEntry; readonly draft: JobDraft }
  | { readonly kind: "script"; readonly entry: ArchiveEntry; readonly draft: ScriptDraft }
  | { readonly kind: "resource"; readonly entry: ArchiveEntry; readonly draft: ResourceDraft }
  | { readonly kind: "connection"; readonly entry: ArchiveEntry; readonly draft: ConnectionDraft };

/** Where a package is read into. */
export interface PackageTarget extends WorkspaceKey {
  /** What is read; other files are passed over. */
  readonly kinds: readonly PackageKind[];
  readonly changes: PackageChanges;
}

/**
 * The archive at `obs://bucket/key`, to be closed. Faults: `storage-path-invalid` for a path of another form,
 * `storage-file-unreadable` where there is no such file, `package-invalid` for no archive, or one beyond the limits.
 */
export async function openPackage(
  { buckets, limits }: PackageReader,
  projectId: string,
  path: string,
): Promise<Archive> {
  return await openArchive(await inStorage(path, () => buckets(projectId).open(path)), limits);
}

/** What `work` does at a path of the storage, its faults in the words of packages. */
export async function inStorage<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
  if (!path.startsWith("obs://"))
    throw new Fault("invalid", "storage-path-invalid", `"${path}" is not of the form obs://bucket/key`);
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "reference-invalid") throw error;
    const code = error.kind === "not-found" ? "storage-file-unreadable" : "storage-path-invalid";
    throw new Fault(error.kind, code, error.message, { cause: error });
  }
}

/** Problems that are told of one package. */
const PROBLEMS_MAX = 50;

/**
 * Reads every definition once, one after the other, and hands each legal one to `visit`. Gives what is wrong with the
 * others, names that occur twice included; files that hold no definition are passed over.
 */
export async function scanPackage(
  archive: Archive,
  codec: PackageCodec,
  target: PackageTarget,
  visit: (object: PackagedObject) => void,
): Promise<string[]> {
  const problems: string[] = [];
  const names = new Set<string>();
  for (const entry of archive.entries) {
    const kind = packageKindOf(entry.fileName, target.kinds);
    if (kind === undefined) continue;
    if (problems.length >= PROBLEMS_MAX) return [...problems, "and perhaps more"];
    try {
      const object = await readObject(archive, codec, target, { kind, entry });
      const name = labelOf(object);
      if (names.has(name)) problems.push(`${entry.fileName}: there are two of ${name}`);
      else visit(object);
      names.add(name);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      problems.push(`${entry.fileName}: ${error.message}`);
    }
  }
  return problems;
}

/** What a workspace has once: resources have a directory each. */
function labelOf({ kind, draft }: PackagedObject): string {
  const label = `${kind} "${draft.name}"`;
  return kind === "resource" ? `${label} in ${draft.directory}` : label;
}

/** The definition in a file. Faults as those of a create, and `package-invalid`. */
export async function readObject(
  archive: Archive,
  codec: PackageCodec,
  { workspaceId, changes }: PackageTarget,
  { kind, entry }: { readonly kind: PackageKind; readonly entry: ArchiveEntry },
): Promise<PackagedObject> {
  const content = await archive.read(entry);
  if (kind === "job") {
    const draft = codec.job(content, workspaceId, changes);
    checkJobDraft(draft);
    return { kind, entry, draft };
  }
  if (kind === "script") {
    const draft = codec.script(content);
    checkScriptDraft(draft);
    return { kind, entry, draft };
  }
  if (kind === "resource") {
    const draft = codec.resource(content, changes);
    checkResourceDraft(draft);
    return { kind, entry, draft };
  }
  const draft = codec.connection(content, changes);
  checkConnectionDraft(draft);
  return { kind, entry, draft };
}
