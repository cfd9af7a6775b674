/** Packages of jobs with the scripts and resources that their nodes name, written as streams. */
import type { Readable } from "node:stream";
import { Fault } from "../domain/fault.ts";
import type { JobDefinition } from "../domain/job.ts";
import { packagePath } from "../domain/package.ts";
import { namedResources, type Resource } from "../domain/resource.ts";
import { listVersionedJobs } from "../store/job-versions.ts";
import { findJobIds } from "../store/jobs.ts";
import { findNamedResources } from "../store/resources.ts";
import { listScriptsNamed } from "../store/scripts.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { type ArchiveFile, writeArchive } from "../store/zip-archive.ts";
import { jobMissing } from "./jobs.ts";
import { checkWorkspace, type WorkspaceDeps } from "./workspaces.ts";

/** What goes into a package. */
export interface PackageChoice {
  readonly jobs: readonly string[];
  /** Whether the scripts and resources that the jobs' nodes name go with them. */
  readonly withNamed: boolean;
}

export interface ExportDeps extends WorkspaceDeps {
  /** A resource as its create call takes it. */
  readonly encodeResource: (resource: Resource) => unknown;
}

/**
 * A package of the present versions of the jobs, each definition as it was saved. Faults: `job-missing` with all that
 * are not there, `workspace-missing`. A job that is deleted meanwhile breaks the stream.
 */
export async function exportJobs(
  deps: ExportDeps,
  key: WorkspaceKey,
  choice: PackageChoice,
): Promise<Readable> {
  await checkWorkspace(deps.pool, deps, key);
  const jobs = [...new Set(choice.jobs)];
  const { projectId, workspaceId } = key;
  const found = await findJobIds(
    deps.pool,
    projectId,
    jobs.map((name) => ({ workspaceId, name })),
  );
  const missing = jobs.filter((name) => !found.some((job) => job.name === name));
  if (missing.length > 0)
    throw new Fault("not-found", "job-missing", "the job does not exist", {
      problems: missing.map((name) => `there is no job "${name}"`),
    });
  return writeArchive(listFiles(deps, key, { ...choice, jobs }), deps.now());
}

/** Definitions that are read at a time: all of a page are in memory, and one may be large. */
const PAGE = 10;

async function* listFiles(
  deps: ExportDeps,
  key: WorkspaceKey,
  { jobs, withNamed }: PackageChoice,
): AsyncGenerator<ArchiveFile> {
  const scripts = new Set<string>();
  const resources = new Set<string>();
  for (const names of pagesOf(jobs)) {
    const found = new Map(
      (await listVersionedJobs(deps.pool, key, names)).map((each) => [each.job.name, each]),
    );
    for (const name of names) {
      const job = found.get(name);
      if (job === undefined) throw jobMissing();
      yield { path: packagePath("job", name), content: JSON.stringify({ ...job.document, name }) };
      const { nodes } = job.definition;
      for (const script of namedScripts(nodes)) scripts.add(script);
      for (const resource of namedResources(nodes)) resources.add(resource);
    }
  }
  if (!withNamed) return;
  yield* listScripts(deps, key, [...scripts]);
  yield* listResources(deps, key, resources);
}

async function* listScripts(
  { pool }: WorkspaceDeps,
  key: WorkspaceKey,
  names: readonly string[],
): AsyncGenerator<ArchiveFile> {
  // A node may name a script that is not there, or not yet.
  for (const page of pagesOf(names))
    for (const { name, type, content, document } of await listScriptsNamed(pool, key, page))
      yield {
        path: packagePath("script", name),
        content: JSON.stringify({ ...document, name, type, content }),
      };
}

function* pagesOf(names: readonly string[]): Generator<readonly string[]> {
  for (let first = 0; first < names.length; first += PAGE) yield names.slice(first, first + PAGE);
}

/** Several may have one name, in a directory each. */
async function* listResources(
  { pool, encodeResource }: ExportDeps,
  key: WorkspaceKey,
  named: ReadonlySet<string>,
): AsyncGenerator<ArchiveFile> {
  const written = new Map<string, number>();
  for (const resource of named.size === 0 ? [] : await findNamedResources(pool, key, [...named])) {
    const no = (written.get(resource.name) ?? 0) + 1;
    written.set(resource.name, no);
    yield {
      path: packagePath("resource", resource.name, no),
      content: JSON.stringify(encodeResource(resource)),
    };
  }
}

function namedScripts(nodes: JobDefinition["nodes"]): string[] {
  return nodes.map(({ properties }) => properties.scriptName ?? "").filter((name) => name !== "");
}
