/** Writes what was read from a package: new, over what has its name, or not at all. */

import { isSecretMember } from "../domain/connection.ts";
import { invalid } from "../domain/fault.ts";
import { findChange, type PackageChanges, type SameNamePolicy } from "../domain/package.ts";
import { findConnection } from "../store/connections.ts";
import type { Database } from "../store/database.ts";
import { findJob } from "../store/jobs.ts";
import { findResourceInDirectory } from "../store/resources.ts";
import { findScript } from "../store/scripts.ts";
import {
  type ConnectionDeps,
  type ConnectionDraft,
  changeConnection,
  placeConnection,
} from "./connections.ts";
import { type Author, addJob, changeJob, type JobDeps, type JobDraft, placeLoneJob } from "./jobs.ts";
import type { PackagedObject } from "./package-contents.ts";
import { addResource, changeResource, type ResourceDeps, type ResourceDraft } from "./resources.ts";
import { addScript, changeScript, type ScriptDraft } from "./scripts.ts";

export interface WriteDeps extends JobDeps, ResourceDeps, ConnectionDeps {}

/** What became of an object. */
export interface Written {
  /** Absent: it is new. */
  readonly message?: string;
  /** The job has its first limit of slots by it: `refreshLimits` has to follow. */
  readonly isFirstLimit?: boolean;
}

const KEPT: Written = { message: "left as it is: the name is taken" };
const REPLACED: Written = { message: "saved over the one of the same name" };

interface ObjectWrite {
  readonly object: PackagedObject;
  readonly policy: SameNamePolicy;
  readonly changes: PackageChanges;
}

/** In the transaction of the object's line; the workspace must be there. Faults as those of its create, or of its save where the name is taken. */
export async function writeObject(
  db: Database,
  deps: WriteDeps,
  author: Author,
  { object: { kind, draft }, policy, changes }: ObjectWrite,
): Promise<Written> {
  if (kind === "job") return await writeJob(db, deps, author, { draft, policy });
  if (kind === "script") return await writeScript(db, deps, author, { draft, policy });
  if (kind === "connection") return await writeConnection(db, deps, author, { draft, policy });
  const own = findChange(changes.resources, draft)?.sameNamePolicy;
  return await writeResource(db, deps, author, { draft, policy: own ?? policy });
}

/** What is to be written, and what where its name is taken. */
interface Wanted<Draft> {
  readonly draft: Draft;
  readonly policy: SameNamePolicy;
}

async function writeJob(
  db: Database,
  deps: WriteDeps,
  author: Author,
  { draft, policy }: Wanted<JobDraft>,
): Promise<Written> {
  const { name } = draft;
  const placed = await placeLoneJob(db, deps, author, draft);
  if (typeof placed === "number") return {};
  if (placed === undefined && (await findJob(db, author, name)) === undefined) {
    await addJob(db, deps, author, draft);
    return {};
  }
  if (policy === "skip") return KEPT;
  return { ...REPLACED, isFirstLimit: await changeJob(db, deps, author, { name, draft }) };
}

async function writeScript(
  db: Database,
  deps: WriteDeps,
  author: Author,
  { draft, policy }: Wanted<ScriptDraft>,
): Promise<Written> {
  const present = await findScript(db, author, draft.name);
  if (present === undefined) {
    await addScript(db, deps, author, draft);
    return {};
  }
  if (policy === "skip") return KEPT;
  if (present.type !== draft.type)
    invalid("script-invalid", [`the script of that name has the type ${present.type}, which stays`]);
  await changeScript(db, deps, author, draft);
  return REPLACED;
}

async function writeResource(
  db: Database,
  deps: WriteDeps,
  author: Author,
  { draft, policy }: Wanted<ResourceDraft>,
): Promise<Written> {
  const present = await findResourceInDirectory(db, author, draft);
  if (present === undefined) {
    await addResource(db, deps, author, draft);
    return {};
  }
  if (policy === "skip") return KEPT;
  if (present.type !== draft.type)
    invalid("resource-invalid", [`the resource of that name has the type ${present.type}, which stays`]);
  await changeResource(db, deps, author, { id: present.id, content: draft });
  return REPLACED;
}

/** Secrets that the package does not bring stay as they were: an export leaves them out. */
async function writeConnection(
  db: Database,
  deps: WriteDeps,
  author: Author,
  { draft, policy }: Wanted<ConnectionDraft>,
): Promise<Written> {
  const present = await findConnection(db, author, draft.name);
  if (present === undefined) {
    await placeConnection(db, deps, author, { ...draft, warehouse: false });
    return {};
  }
  if (policy === "skip") return KEPT;
  const masks = Object.entries(present.config).filter(([name]) => isSecretMember(name));
  const config = { ...Object.fromEntries(masks), ...draft.config };
  await changeConnection(db, deps, author, { ...draft, config });
  return REPLACED;
}
