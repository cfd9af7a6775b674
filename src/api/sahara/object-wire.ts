/** What all objects of data processing share on the wire: ids, times, names, flags, and how a body is read. */
import { type Static, type TSchema, Type } from "typebox";
import { Fault } from "../../domain/fault.ts";
import {
  DESCRIPTION_MAX,
  FILE_NAME_PATTERN,
  formatObjectId,
  OBJECT_NAME_MAX,
  type SharedObject,
  URL_MAX,
} from "../../domain/shared-object.ts";
import { checkSchema } from "../check-schema.ts";

export const Name = Type.String({ pattern: FILE_NAME_PATTERN, minLength: 1, maxLength: OBJECT_NAME_MAX });
export const Description = Type.String({ maxLength: DESCRIPTION_MAX });
export const NullableDescription = Type.Union([Description, Type.Null()]);
export const Url = Type.String({ maxLength: URL_MAX });
export const FlagValue = Type.Union([Type.Boolean(), Type.Null()]);
/** Dashes may be left out. */
export const Uuid = Type.String({
  pattern: "^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$",
});
/** No fractions, nulls or nesting. */
export const SimpleMap = Type.Record(
  Type.String(),
  Type.Union([Type.String(), Type.Integer(), Type.Boolean()]),
);

export const CLOSED = { additionalProperties: false } as const;

/** The body, an absent one as `{}`. Raises `request-invalid` with every problem, each on a line of its own. */
export function decodeBody<Schema extends TSchema>(schema: Schema, body: unknown): Static<Schema> {
  const value = body === undefined ? {} : body;
  const problems = checkSchema(schema, value);
  if (problems.length > 0) throw new Fault("invalid", "request-invalid", problems.join("\n"), { problems });
  return value as Static<Schema>; // the check above says so
}

/** `2026-01-31T12:00:00`: UTC, no fraction, no zone. */
export function encodeTime(time: Date): string {
  return time.toISOString().slice(0, 19);
}

export function encodeOptionalTime(time: Date | null): string | null {
  return time === null ? null : encodeTime(time);
}

export function decodeUuid(text: string): string {
  return text.replaceAll("-", "").toLowerCase();
}

/** What every object shows of itself. */
export function encodeShared(object: SharedObject & { readonly updatedAt: Date | null }) {
  return {
    id: formatObjectId(object.id),
    tenant_id: object.projectId,
    project_id: object.projectId,
    is_public: object.isPublic,
    is_protected: object.isProtected,
    created_at: encodeTime(object.createdAt),
    updated_at: encodeOptionalTime(object.updatedAt),
  };
}

/** Flags of a new object; false where none is given, and null is kept. */
export function decodeNewFlags(body: {
  readonly is_public?: boolean | null;
  readonly is_protected?: boolean | null;
}) {
  const { is_public: isPublic = false, is_protected: isProtected = false } = body;
  return { isPublic, isProtected };
}

/** The flags that a change names. */
export function decodeFlagChanges(body: {
  readonly is_public?: boolean | null;
  readonly is_protected?: boolean | null;
}) {
  return {
    ...(body.is_public !== undefined && { isPublic: body.is_public }),
    ...(body.is_protected !== undefined && { isProtected: body.is_protected }),
  };
}
