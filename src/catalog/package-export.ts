/** Packages of jobs with the scripts that their nodes name, written as streams. */
import type { Readable } from "node:stream";
import { Fault } from "../domain/fault.ts";
import type { JobDefinition } from "../domain/job.ts";
import { packagePath } from "../domain/package.ts";
import { findVersionedJob } from "../store/job-versions.ts";
import { findJobIds } from "../store/jobs.ts";
import { findScript } from "../store/scripts.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { type ArchiveFile, writeArchive } from "../store/zip-archive.ts";
import { jobMissing } from "./jobs.ts";
import { checkWorkspace, type WorkspaceDeps } from "./workspaces.ts";

/** What goes into a package. */
export interface PackageChoice {
  readonly jobs: readonly string[];
  /** Whether the scripts that the jobs' nodes name go with them. */
  readonly withScripts: boolean;
}

/**
 * A package of the present versions of the jobs, each definition as it was saved. Faults: `job-missing` with all that
 * are not there, `workspace-missing`. A job that is deleted meanwhile breaks the stream.
 */
export async function exportJobs(
  deps: WorkspaceDeps,
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

async function* listFiles(
  { pool }: WorkspaceDeps,
  key: WorkspaceKey,
  { jobs, withScripts }: PackageChoice,
): AsyncGenerator<ArchiveFile> {
  const scripts = new Set<string>();
  for (const name of jobs) {
    const found = await findVersionedJob(pool, key, name);
    if (found === undefined) throw jobMissing();
    yield { path: packagePath("job", name), content: JSON.stringify({ ...found.document, name }) };
    if (withScripts) for (const script of scriptNames(found.definition)) scripts.add(script);
  }
  for (const name of scripts) {
    const script = await findScript(pool, key, name);
    // A node may name a script that is not there, or not yet.
    if (script === undefined) continue;
    const { type, content, document } = script;
    yield {
      path: packagePath("script", name),
      content: JSON.stringify({ ...document, name, type, content }),
    };
  }
}

function scriptNames({ nodes }: JobDefinition): string[] {
  return nodes.map(({ properties }) => properties.scriptName ?? "").filter((name) => name !== "");
}
