/** Acts of the audit trail as the console's API writes them. */
import { type Static, Type } from "typebox";
import type { Act } from "../../store/audit.ts";

const ActView = Type.Object({
  id: Type.Integer({ minimum: 1 }),
  at: Type.String({ format: "date-time" }),
  /** The user's name. */
  by: Type.String(),
  act: Type.String(),
  object: Type.Object({ kind: Type.String(), id: Type.String() }),
  detail: Type.Record(Type.String(), Type.Unknown()),
});

/** Newest first. `next`, given as `before`, asks for those that follow; null at the end. */
export const ActPage = Type.Object({
  acts: Type.Array(ActView),
  next: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
});
export type ActPage = Static<typeof ActPage>;

export function encodeActs(acts: readonly Act[], limit: number): ActPage {
  const last = acts.at(-1);
  return {
    acts: acts.map(({ objectKind, objectId, at, ...act }) => ({
      ...act,
      at: at.toISOString(),
      object: { kind: objectKind, id: objectId },
    })),
    next: last !== undefined && acts.length === limit ? last.id : null,
  };
}
