/** Job templates: made, changed and deleted by their rules. */
import { Fault, missing } from "../domain/fault.ts";
import { checkInterface, type InterfaceArgument } from "../domain/interface-argument.ts";
import type { JobBinary } from "../domain/job-binary.ts";
import { checkPrograms, type JobTemplate } from "../domain/job-template.ts";
import type { JobType } from "../domain/job-type.ts";
import { checkMayDelete, checkMayUpdate, type Flag, parseObjectId } from "../domain/shared-object.ts";
import { holdDataSources } from "../store/data-sources.ts";
import { type Database, transaction } from "../store/database.ts";
import { findJobBinaries } from "../store/job-binaries.ts";
import {
  deleteJobTemplate,
  findJobTemplate,
  insertJobTemplate,
  lockJobTemplate,
  updateJobTemplate,
} from "../store/job-templates.ts";
import { changesAnything, type ProcessingParts } from "./parts.ts";

export interface JobTemplateDraft {
  readonly name: string;
  readonly type: JobType;
  readonly description: string | null;
  /** Ids of job binaries, as the caller wrote them. */
  readonly mains: readonly string[];
  readonly libs: readonly string[];
  readonly interface: readonly Omit<InterfaceArgument, "id">[];
  readonly isPublic: Flag;
  readonly isProtected: Flag;
}

export interface JobTemplateChanges {
  readonly name?: string;
  readonly description?: string | null;
  readonly isPublic?: Flag;
  readonly isProtected?: Flag;
}

/** The template, when the project may see it. Raises `job-template-missing`. */
export async function getJobTemplate(
  parts: Pick<ProcessingParts, "pool">,
  projectId: string,
  id: string | undefined,
): Promise<JobTemplate> {
  const template = id === undefined ? undefined : await findJobTemplate(parts.pool, projectId, id);
  return template ?? missing("job-template-missing", "there is no such job");
}

/**
 * Adds a template. @throws Fault in this order: of `checkPrograms`; `job-binary-missing`; of `checkInterface`;
 * `reference-invalid` for a default that names no data source; `job-template-exists`. Source: sahara-v1.1 5.
 */
export async function addJobTemplate(
  parts: ProcessingParts,
  projectId: string,
  draft: JobTemplateDraft,
): Promise<JobTemplate> {
  checkPrograms(draft.type, draft.mains, draft.libs);
  const binaries = await findBinaries(parts.pool, projectId, [...draft.mains, ...draft.libs]);
  const named = draft.interface.map((argument) => ({ ...argument, id: parts.newId() }));
  await checkDataSourcesExist(parts.pool, projectId, checkInterface(draft.type, named));
  const createdAt = parts.now();
  const template: JobTemplate = {
    ...draft,
    id: parts.newId(),
    projectId,
    interface: named,
    mains: draft.mains.flatMap((id) => binaries.get(id) ?? []),
    libs: draft.libs.flatMap((id) => binaries.get(id) ?? []),
    createdAt,
    updatedAt: createdAt,
  };
  await transaction(parts.pool, (db) => insertJobTemplate(db, template));
  return template;
}

/** Changes what `changes` names. Raises `job-template-missing`, `job-template-exists`, `object-foreign`, `object-protected`. */
export async function changeJobTemplate(
  parts: ProcessingParts,
  projectId: string,
  id: string,
  changes: JobTemplateChanges,
): Promise<JobTemplate> {
  return await transaction(parts.pool, async (db) => {
    const template =
      (await lockJobTemplate(db, projectId, id)) ?? missing("job-template-missing", "the job was deleted");
    checkMayUpdate(template, projectId, { ...changes });
    if (!changesAnything(template, changes)) return template;
    const changed: JobTemplate = { ...template, ...changes, updatedAt: parts.now() };
    await updateJobTemplate(db, changed);
    return changed;
  });
}

/** Raises `job-template-missing`, `object-foreign`, `object-protected`, or `object-in-use` while an execution names it. */
export async function removeJobTemplate(
  parts: ProcessingParts,
  projectId: string,
  id: string,
): Promise<void> {
  await transaction(parts.pool, async (db) => {
    const template =
      (await lockJobTemplate(db, projectId, id)) ?? missing("job-template-missing", "the job was deleted");
    checkMayDelete(template, projectId);
    await deleteJobTemplate(db, template);
  });
}

/** Raises `reference-invalid` unless the project sees a data source of each id. */
export async function checkDataSourcesExist(
  db: Database,
  projectId: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const found = new Set((await holdDataSources(db, projectId, ids)).map(({ id }) => id));
  if (!ids.every((id) => found.has(id)))
    throw new Fault(
      "invalid",
      "reference-invalid",
      "interface: a value names a data source that is not there",
    );
}

/** The binaries by the ids as they were written. */
async function findBinaries(
  db: Database,
  projectId: string,
  written: readonly string[],
): Promise<Map<string, JobBinary>> {
  const ids = written.flatMap((text) => parseObjectId(text) ?? []);
  const found = new Map((await findJobBinaries(db, projectId, ids)).map((binary) => [binary.id, binary]));
  return new Map(
    written.map((text) => {
      const binary = found.get(parseObjectId(text) ?? "");
      if (binary === undefined)
        throw new Fault("invalid", "job-binary-missing", `there is no job binary "${text}"`);
      return [text, binary];
    }),
  );
}
