/** What retention is about: the world that it looks at, what has had its time there, and what is held back. */
import type { Period, RetentionPolicy } from "../domain/retention.ts";
import type { BlobStore } from "../store/blobs.ts";
import type { DatabasePool } from "../store/database.ts";

/** Everything that decides what goes, as it was at one moment. */
export interface RetentionWorld {
  readonly pool: DatabasePool;
  readonly blobs: BlobStore;
  readonly now: Date;
  /** The shortest length of a period of the history. */
  readonly periodDays: number;
  readonly projects: readonly { readonly projectId: string; readonly policy: RetentionPolicy }[];
  /** In their order. */
  readonly periods: readonly (Period & { readonly k: number })[];
}

export type ExpiredKind =
  | "period"
  | "instances"
  | "logs"
  | "ledger-month"
  | "ledger"
  | "backfills"
  | "deleted-jobs"
  | "acts"
  | "notices"
  | "alarms"
  | "deleted-project"
  | "files";

/** Something that has had its time. */
export interface Expired {
  readonly kind: ExpiredKind;
  /** Null where it is of several projects. */
  readonly projectId: string | null;
  /** Which one of its kind, in words. */
  readonly what: string;
  /** Instances of a period, of a project or with logs; lines; acts; deleted jobs; files. */
  readonly rows: number;
  /** Absent where only rows go, whose space is used again. */
  readonly bytes?: number;
  readonly oldest: Date | null;
  /** Gives false where it must stay a while longer: begun anew meanwhile, or in use at this moment. */
  readonly remove: () => Promise<boolean>;
}

/** A period of the history that could be dropped whole but for something in it. */
export interface Held {
  readonly what: string;
  readonly reason: string;
}

export interface Findings {
  readonly expired: readonly Expired[];
  readonly held: readonly Held[];
}
