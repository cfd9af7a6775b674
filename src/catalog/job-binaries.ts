/** Job binaries: made, changed, deleted and opened by their rules. */
import type { Readable } from "node:stream";
import { Fault, missing } from "../domain/fault.ts";
import {
  type BinaryExtra,
  bucketPathOf,
  checkBinaryExtra,
  checkBinaryUrl,
  type JobBinary,
  storedFileIdOf,
} from "../domain/job-binary.ts";
import { checkMayDelete, checkMayUpdate, type Flag } from "../domain/shared-object.ts";
import { orFault, UNIQUE } from "../store/constraints.ts";
import { type Database, transaction } from "../store/database.ts";
import {
  deleteJobBinary,
  findJobBinary,
  findJobBinaryExtra,
  insertJobBinary,
  lockJobBinary,
  updateJobBinary,
  updateJobBinaryExtra,
} from "../store/job-binaries.ts";
import { secretPlace } from "../store/sealed-columns.ts";
import { decryptSecret, encryptSecret, type MasterKeys } from "../store/secrets.ts";
import { findStoredFile } from "../store/stored-files.ts";
import { changesAnything, type ProcessingParts, type ProgramSources } from "./parts.ts";
import { openStoredFile } from "./stored-files.ts";

export interface JobBinaryDraft {
  readonly name: string;
  readonly url: string;
  readonly description: string | null;
  readonly extra: BinaryExtra | undefined;
  readonly isPublic: Flag;
  readonly isProtected: Flag;
}

export type JobBinaryChanges = Partial<JobBinaryDraft>;

/** The binary, when the project may see it. Raises `job-binary-missing`. */
export async function getJobBinary(
  parts: ProcessingParts,
  projectId: string,
  id: string | undefined,
): Promise<JobBinary> {
  const binary = id === undefined ? undefined : await findJobBinary(parts.pool, projectId, id);
  return binary ?? missing("job-binary-missing", "there is no such job binary");
}

/**
 * Adds a binary. @throws Fault of `checkBinaryUrl` or `checkBinaryExtra`; `reference-invalid` for a stored file that the
 * project does not see; `job-binary-exists`.
 */
export async function addJobBinary(
  parts: ProcessingParts,
  projectId: string,
  draft: JobBinaryDraft,
): Promise<JobBinary> {
  const { extra, ...members } = draft;
  await checkUrl(parts.pool, projectId, draft.url);
  checkBinaryExtra(draft.url, extra);
  const binary: JobBinary = {
    ...members,
    id: parts.newId(),
    projectId,
    createdAt: parts.now(),
    updatedAt: null,
  };
  const sealed = extra === undefined ? null : sealExtra(parts.masterKeys, binary.id, extra);
  if (!(await insertJobBinary(parts.pool, binary, sealed))) throw nameTaken(binary.name);
  return binary;
}

/**
 * Changes what `changes` names. @throws Fault as `addJobBinary`; `job-binary-missing` as an invalid request, not as a
 * missing object (mrs-v1.1 5); `object-foreign`, `object-protected`, also for a new address of an internal file.
 */
export async function changeJobBinary(
  parts: ProcessingParts,
  projectId: string,
  id: string | undefined,
  changes: JobBinaryChanges,
): Promise<JobBinary> {
  const { extra, ...members } = changes;
  if (changes.url !== undefined) await checkUrl(parts.pool, projectId, changes.url);
  return await transaction(parts.pool, async (db) => {
    const binary = id === undefined ? undefined : await lockJobBinary(db, projectId, id);
    if (binary === undefined) throw new Fault("invalid", "job-binary-missing", "there is no such job binary");
    checkMayUpdate(binary, projectId, { ...members, ...(extra !== undefined && { extra }) });
    checkSameFile(binary, changes.url);
    if (extra === undefined && !changesAnything(binary, members)) return binary;
    const changed: JobBinary = { ...binary, ...members, updatedAt: parts.now() };
    await orFault(updateJobBinary(db, changed), UNIQUE, () => nameTaken(changed.name));
    if (extra !== undefined)
      await updateJobBinaryExtra(db, changed, sealExtra(parts.masterKeys, changed.id, extra));
    return changed;
  });
}

/** Raises `job-binary-missing`, `object-foreign`, `object-protected`, or `object-in-use` while a template names it. */
export async function removeJobBinary(parts: ProcessingParts, projectId: string, id: string): Promise<void> {
  await transaction(parts.pool, async (db) => {
    const binary =
      (await lockJobBinary(db, projectId, id)) ?? missing("job-binary-missing", "the binary was deleted");
    checkMayDelete(binary, projectId);
    await deleteJobBinary(db, binary);
  });
}

/**
 * The bytes that the binary names, with the sight of its own project: of the internal store, or of its buckets.
 * @throws Fault `reference-invalid` for bytes that are gone; `engine-missing` for a place that this server cannot read.
 */
export async function openJobBinary(parts: ProgramSources, binary: JobBinary): Promise<Readable> {
  const named = storedFileIdOf(binary.url);
  if (named !== undefined) {
    const file =
      named.id === undefined ? undefined : await findStoredFile(parts.pool, binary.projectId, named.id);
    if (file !== undefined) return await openStoredFile(parts, file);
    throw new Fault("invalid", "reference-invalid", `the bytes of ${binary.name} (${binary.url}) are gone`);
  }
  const path = bucketPathOf(binary.url);
  if (path !== undefined) return await openInBucket(parts, binary, path);
  throw new Fault("invalid", "engine-missing", `this server cannot read ${binary.url} of ${binary.name}`);
}

/** Where the binary's own credentials lead, or in its project's buckets. */
async function openInBucket(parts: ProgramSources, binary: JobBinary, path: string): Promise<Readable> {
  const sealed = await findJobBinaryExtra(parts.pool, binary);
  const places = sealed && [{ url: path, credentials: openExtra(parts.masterKeys, binary.id, sealed) }];
  return await parts.buckets(binary.projectId, undefined, places).open(path);
}

async function checkUrl(db: Database, projectId: string, url: string): Promise<void> {
  checkBinaryUrl(url);
  const named = storedFileIdOf(url);
  if (named === undefined) return;
  const file = named.id === undefined ? undefined : await findStoredFile(db, projectId, named.id);
  if (file === undefined)
    throw new Fault("invalid", "reference-invalid", `url: ${url} names no file in the internal store`);
}

function checkSameFile(binary: JobBinary, url: string | undefined): void {
  if (url === undefined || url === binary.url || storedFileIdOf(binary.url) === undefined) return;
  throw new Fault("conflict", "object-protected", "url: the address of an internal file does not change");
}

function sealExtra(keys: MasterKeys, id: string, extra: BinaryExtra): Buffer {
  return encryptSecret(keys, secretPlace("job_binary", id), JSON.stringify(extra));
}

function openExtra(keys: MasterKeys, id: string, sealed: Buffer): BinaryExtra {
  return JSON.parse(decryptSecret(keys, secretPlace("job_binary", id), sealed).toString("utf8"));
}

function nameTaken(name: string): Fault {
  return new Fault("conflict", "job-binary-exists", `there is a job binary named "${name}"`);
}
