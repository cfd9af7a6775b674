/** What the catalogue of data processing works with; main hands it over. */
import type { CredentialedPlace } from "../domain/data-source.ts";
import type { BlobStore } from "../store/blobs.ts";
import type { ProjectBuckets } from "../store/buckets.ts";
import type { DatabasePool } from "../store/database.ts";
import type { MasterKeys } from "../store/secrets.ts";

export interface ProcessingParts {
  readonly pool: DatabasePool;
  readonly blobs: BlobStore;
  /** Wherever they lie. */
  readonly buckets: (
    projectId: string,
    signal?: AbortSignal,
    places?: readonly CredentialedPlace[],
  ) => Pick<ProjectBuckets, "open">;
  readonly masterKeys: MasterKeys;
  readonly now: () => Date;
  /** A fresh id of 32 hexadecimal digits. */
  readonly newId: () => string;
}

/** What the files of a program are read from. */
export type ProgramSources = Pick<ProcessingParts, "pool" | "blobs" | "buckets" | "masterKeys">;

/** Whether a change gives any member another value than it has. */
export function changesAnything(present: object, changes: object): boolean {
  const values = new Map<string, unknown>(Object.entries(present));
  return Object.entries(changes).some(([key, value]) => values.get(key) !== value);
}
