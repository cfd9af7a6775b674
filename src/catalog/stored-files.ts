/** The internal store of programs: files uploaded as they are, each with a name of its own in the project. */
import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import { Fault, missing } from "../domain/fault.ts";
import type { StoredFile } from "../domain/job-binary.ts";
import { checkMayDelete, checkMayUpdate, FILE_NAME_PATTERN, type Flag } from "../domain/shared-object.ts";
import { orFault, UNIQUE } from "../store/constraints.ts";
import { transaction } from "../store/database.ts";
import {
  deleteStoredFile,
  findStoredFile,
  insertStoredFile,
  lockStoredFile,
  storedFileKey,
  storedFileNameTaken,
  updateStoredFile,
} from "../store/stored-files.ts";
import { changesAnything, type ProcessingParts } from "./parts.ts";

export interface Upload {
  readonly name: string;
  readonly content: Readable;
  readonly bytesMax: number;
}

export interface StoredFileChanges {
  readonly name?: string;
  readonly isPublic?: Flag;
  readonly isProtected?: Flag;
}

const NAME = new RegExp(FILE_NAME_PATTERN);

/** The file, when the project may see it. Raises `stored-file-missing`. */
export async function getStoredFile(
  parts: ProcessingParts,
  projectId: string,
  id: string | undefined,
): Promise<StoredFile> {
  const file = id === undefined ? undefined : await findStoredFile(parts.pool, projectId, id);
  return file ?? missing("stored-file-missing", "there is no such file in the internal store");
}

/**
 * Streams an upload to the blob store and keeps it under its name.
 * @throws Fault `job-binary-unusable` for a name against the pattern or no bytes; `stored-file-exists`; `body-too-large`.
 */
export async function addStoredFile(
  parts: ProcessingParts,
  projectId: string,
  { name, content, bytesMax }: Upload,
): Promise<StoredFile> {
  if (!NAME.test(name))
    throw new Fault("invalid", "job-binary-unusable", `"${name}" is not a name for a file`);
  if (await storedFileNameTaken(parts.pool, projectId, name)) throw nameTaken(name);
  const id = parts.newId();
  const sum: Sum = { sizeBytes: 0, hash: createHash("sha256") };
  await parts.blobs.put(
    projectId,
    storedFileKey(id),
    Readable.from(measure(content, sum, bytesMax), { objectMode: false }),
  );
  const file: StoredFile = {
    id,
    projectId,
    name,
    sizeBytes: sum.sizeBytes,
    isPublic: false,
    isProtected: false,
    createdAt: parts.now(),
    updatedAt: null,
  };
  if (sum.sizeBytes > 0 && (await insertStoredFile(parts.pool, file, sum.hash.digest()))) return file;
  await parts.blobs.delete(projectId, storedFileKey(id));
  throw sum.sizeBytes > 0
    ? nameTaken(name)
    : new Fault("invalid", "job-binary-unusable", "the file is empty");
}

/** Renames a file or sets its flags. Raises `stored-file-missing`, `stored-file-exists`, `object-foreign`, `object-protected`. */
export async function changeStoredFile(
  parts: ProcessingParts,
  projectId: string,
  id: string,
  changes: StoredFileChanges,
): Promise<StoredFile> {
  return await transaction(parts.pool, async (db) => {
    const file =
      (await lockStoredFile(db, projectId, id)) ?? missing("stored-file-missing", "the file was deleted");
    checkMayUpdate(file, projectId, { ...changes });
    if (!changesAnything(file, changes)) return file;
    const changed = { ...file, ...changes, updatedAt: parts.now() };
    await orFault(updateStoredFile(db, changed), UNIQUE, () => nameTaken(changed.name));
    return changed;
  });
}

/** Deletes a file, also one that a job binary names. Raises `stored-file-missing`, `object-foreign`, `object-protected`. */
export async function removeStoredFile(parts: ProcessingParts, projectId: string, id: string): Promise<void> {
  await transaction(parts.pool, async (db) => {
    const file =
      (await lockStoredFile(db, projectId, id)) ?? missing("stored-file-missing", "the file was deleted");
    checkMayDelete(file, projectId);
    await deleteStoredFile(db, file);
  });
  await parts.blobs.delete(projectId, storedFileKey(id));
}

/** The file's bytes. Raises `stored-file-missing` when they are gone. */
export async function openStoredFile(
  parts: Pick<ProcessingParts, "blobs">,
  { projectId, id }: StoredFile,
): Promise<Readable> {
  const bytes = await parts.blobs.open(projectId, storedFileKey(id));
  return bytes ?? missing("stored-file-missing", "the file's bytes are gone");
}

interface Sum {
  sizeBytes: number;
  readonly hash: Hash;
}

async function* measure(content: Readable, sum: Sum, bytesMax: number): AsyncGenerator<Buffer> {
  // What is not read of it is the server's to drop.
  for await (const chunk of content.iterator({ destroyOnReturn: false })) {
    const bytes: Buffer = Buffer.from(chunk);
    sum.sizeBytes += bytes.length;
    if (sum.sizeBytes > bytesMax)
      throw new Fault("too-large", "body-too-large", `a file has at most ${bytesMax} bytes`);
    sum.hash.update(bytes);
    yield bytes;
  }
}

function nameTaken(name: string): Fault {
  return new Fault("conflict", "stored-file-exists", `there is a file named "${name}" in the internal store`);
}
