/** What a marker list is told of its table, and what callers may ask of it. */
import type { MarkerPage } from "../domain/page.ts";

/** A table whose rows belong to a project, and may be shown to all. `t` is its alias in every text. */
export interface MarkerTable<Field extends string> {
  /** Names its statements. */
  readonly name: string;
  /** The table, with its joins. */
  readonly from: string;
  readonly columns: string;
  /** SQL of each field by which rows are sorted or filtered. */
  readonly fields: Readonly<Record<Field, FieldText>>;
  /** The field with the name, where names have keys (name-search.ts). */
  readonly keyedName?: Field;
}

export interface FieldText {
  readonly sql: string;
  /** Type of the SQL, to which a value is cast. */
  readonly type: "text" | "uuid" | "boolean" | "bigint" | "integer" | "timestamptz";
}

/** Fields that every table of objects has. */
export const OBJECT_FIELDS = {
  id: { sql: "t.id", type: "uuid" },
  projectId: { sql: "t.project_id", type: "uuid" },
  name: { sql: "t.name", type: "text" },
  isPublic: { sql: "t.is_public", type: "boolean" },
  isProtected: { sql: "t.is_protected", type: "boolean" },
  createdAt: { sql: "t.created_at", type: "timestamptz" },
} as const satisfies Readonly<Record<string, FieldText>>;
export type ObjectField = keyof typeof OBJECT_FIELDS;

/** Of a table whose rows have no time of change until they are changed: those sort last. */
export const CHANGED_AT: FieldText = { sql: "coalesce(t.updated_at, 'infinity')", type: "timestamptz" };

export type ListFilter<Field extends string> =
  | { readonly rule: "equals"; readonly field: Field; readonly value: string | number | boolean }
  | { readonly rule: "one-of"; readonly field: Field; readonly values: readonly string[] }
  /** Within the same second: what this API shows of a time. */
  | { readonly rule: "second"; readonly field: Field; readonly value: Date }
  | { readonly rule: "matches"; readonly field: Field; readonly expression: string };

/** What a caller asks of a list: rows of its project and public ones of others. */
export interface MarkerQuery<Field extends string> {
  readonly projectId: string;
  readonly sort: { readonly field: Field; readonly descending: boolean };
  readonly filters: readonly ListFilter<Field>[];
  readonly page: MarkerPage;
}
