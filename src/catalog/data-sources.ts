/** Data sources: made, changed and deleted by their rules. */
import {
  checkDataSource,
  type DataSource,
  type DataSourceCredentials,
  type DataSourceType,
} from "../domain/data-source.ts";
import { Fault, missing } from "../domain/fault.ts";
import { checkMayDelete, checkMayUpdate, type Flag } from "../domain/shared-object.ts";
import { orFault, UNIQUE } from "../store/constraints.ts";
import {
  dataSourceNameTaken,
  deleteDataSource,
  findDataSource,
  insertDataSource,
  lockDataSource,
  updateDataSource,
} from "../store/data-sources.ts";
import { type Database, transaction } from "../store/database.ts";
import { countRunsOfDataSource } from "../store/job-executions.ts";
import { secretPlace } from "../store/sealed-columns.ts";
import { decryptSecret, encryptSecret, type MasterKeys } from "../store/secrets.ts";
import { changesAnything, type ProcessingParts } from "./parts.ts";

export interface DataSourceDraft {
  readonly name: string;
  readonly type: DataSourceType;
  readonly url: string;
  readonly description: string | null;
  readonly credentials: DataSourceCredentials | undefined;
  readonly isPublic: Flag;
  readonly isProtected: Flag;
}

export type DataSourceChanges = Partial<DataSourceDraft>;

/** The data source, when the project may see it. Raises `data-source-missing`. */
export async function getDataSource(
  parts: ProcessingParts,
  projectId: string,
  id: string | undefined,
): Promise<DataSource> {
  const source = id === undefined ? undefined : await findDataSource(parts.pool, projectId, id);
  return source ?? missing("data-source-missing", "there is no such data source");
}

/** Adds a data source. @throws Fault `data-source-exists` first (sahara-v1.1 7), then those of `checkDataSource`. */
export async function addDataSource(
  parts: ProcessingParts,
  projectId: string,
  draft: DataSourceDraft,
): Promise<DataSource> {
  const { credentials, ...members } = draft;
  if (await dataSourceNameTaken(parts.pool, projectId, draft.name, undefined)) throw nameTaken(draft.name);
  checkDataSource(draft.type, draft.url, credentials);
  const source: DataSource = {
    ...members,
    id: parts.newId(),
    projectId,
    createdAt: parts.now(),
    updatedAt: null,
  };
  const sealed = credentials === undefined ? null : sealCredentials(parts.masterKeys, source.id, credentials);
  if (!(await insertDataSource(parts.pool, source, sealed))) throw nameTaken(source.name);
  return source;
}

/**
 * Changes what `changes` names; the whole must be legal then. @throws Fault of `checkDataSource`; `data-source-missing`,
 * `data-source-exists`, `object-foreign`, `object-protected`, `object-in-use` while a run that uses it has not begun.
 */
export async function changeDataSource(
  parts: ProcessingParts,
  projectId: string,
  id: string,
  changes: DataSourceChanges,
): Promise<DataSource> {
  const { credentials: given, ...members } = changes;
  return await transaction(parts.pool, async (db) => {
    const found =
      (await lockDataSource(db, projectId, id)) ?? missing("data-source-missing", "it was deleted");
    const { dataSource, credentialsSealed } = found;
    const merged = { ...dataSource, ...members };
    const credentials = given ?? openCredentials(parts.masterKeys, id, credentialsSealed);
    checkDataSource(merged.type, merged.url, credentials);
    checkMayUpdate(dataSource, projectId, { ...members, ...(given !== undefined && { credentials: given }) });
    if (given === undefined && !changesAnything(dataSource, members)) return dataSource;
    await checkNotAwaited(db, dataSource);
    if (merged.name !== dataSource.name && (await dataSourceNameTaken(db, projectId, merged.name, id)))
      throw nameTaken(merged.name);
    const changed: DataSource = { ...merged, updatedAt: parts.now() };
    const sealed = given === undefined ? credentialsSealed : sealCredentials(parts.masterKeys, id, given);
    await orFault(updateDataSource(db, changed, sealed), UNIQUE, () => nameTaken(changed.name));
    return changed;
  });
}

/** Raises `data-source-missing`, `object-foreign`, `object-protected`, or `object-in-use` while a run names it. */
export async function removeDataSource(parts: ProcessingParts, projectId: string, id: string): Promise<void> {
  await transaction(parts.pool, async (db) => {
    const found =
      (await lockDataSource(db, projectId, id)) ?? missing("data-source-missing", "it was deleted");
    checkMayDelete(found.dataSource, projectId);
    const { all } = await countRunsOfDataSource(db, found.dataSource);
    if (all > 0)
      throw new Fault("conflict", "object-in-use", `${all} job executions refer to the data source`);
    await deleteDataSource(db, found.dataSource);
  });
}

async function checkNotAwaited(db: Database, source: DataSource): Promise<void> {
  const { pending } = await countRunsOfDataSource(db, source);
  if (pending > 0)
    throw new Fault("conflict", "object-in-use", `${pending} job executions that have not begun refer to it`);
}

function sealCredentials(keys: MasterKeys, id: string, credentials: DataSourceCredentials): Buffer {
  return encryptSecret(keys, secretPlace("data_source", id), JSON.stringify(credentials));
}

/** In clear: never shown, never logged. */
export function openCredentials(
  keys: MasterKeys,
  id: string,
  sealed: Buffer | null,
): DataSourceCredentials | undefined {
  if (sealed === null) return undefined;
  return JSON.parse(decryptSecret(keys, secretPlace("data_source", id), sealed).toString("utf8"));
}

function nameTaken(name: string): Fault {
  return new Fault("conflict", "data-source-exists", `there is a data source named "${name}"`);
}
