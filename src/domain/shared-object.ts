/** What all objects of data processing have in common: their names, and who may see, change and delete them. */
import { Fault } from "./fault.ts";

/** A null flag is kept and shown as null, and counts as false. Source: mrs-v1.1 1. */
export type Flag = boolean | null;

/** An object that its project may show to all others (`isPublic`) or guard against change (`isProtected`). */
export interface SharedObject {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly isPublic: Flag;
  readonly isProtected: Flag;
  readonly createdAt: Date;
}

export const OBJECT_NAME_MAX = 80;
/** Longest text of a description, in characters. Source: mrs-v1.1 4. */
export const DESCRIPTION_MAX = 65_535;
/** Longest address of a binary or data source, in characters. Source: mrs-v1.1 5, 6. */
export const URL_MAX = 255;

/** A name without its length: what a file in the internal store may be called. */
export const FILE_NAME_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$";

const OBJECT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The inner form of an object's id as its users write it; undefined for a text that names no object. */
export function parseObjectId(text: string): string | undefined {
  return OBJECT_ID.test(text) ? text.replaceAll("-", "") : undefined;
}

/** The id with dashes, as this API's users see it; an absent one stays absent. */
export function formatObjectId(id: string): string {
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Raises `object-foreign` for an object of another project, `object-protected` for a guarded one. */
export function checkMayDelete(object: SharedObject, projectId: string): void {
  checkOwned(object, projectId, "deleted");
  if (object.isProtected) throw isGuarded(object, "deleted");
}

/** As `checkMayDelete`; a run of another project, or a guarded one, is not cancelled either. */
export function checkMayCancel(object: SharedObject, projectId: string): void {
  checkOwned(object, projectId, "cancelled");
  if (object.isProtected) throw isGuarded(object, "cancelled");
}

/**
 * Raises `object-foreign`, or `object-protected` unless the changes take the guard away, or set `isPublic` and leave
 * every other value as it is. `changes` has the object's own member names. Source: sahara-v1.1 3.
 */
export function checkMayUpdate(
  object: SharedObject,
  projectId: string,
  changes: Readonly<Record<string, unknown>>,
): void {
  checkOwned(object, projectId, "changed");
  if (!object.isProtected) return;
  if ("isProtected" in changes && !changes.isProtected) return;
  const present = new Map<string, unknown>(Object.entries(object));
  const others = Object.entries(changes).filter(([key]) => key !== "isPublic");
  if ("isPublic" in changes && others.every(([key, value]) => present.get(key) === value)) return;
  throw isGuarded(object, "changed");
}

function checkOwned(object: SharedObject, projectId: string, act: string): void {
  if (object.projectId === projectId) return;
  throw new Fault(
    "conflict",
    "object-foreign",
    `${formatObjectId(object.id)} belongs to another project and cannot be ${act} from here`,
  );
}

function isGuarded(object: SharedObject, act: string): Fault {
  return new Fault(
    "conflict",
    "object-protected",
    `${formatObjectId(object.id)} is protected and cannot be ${act}`,
  );
}
