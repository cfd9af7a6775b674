/** Limits and weights as the console's API writes and reads them. */
import { type Static, Type } from "typebox";
import { SLOTS_MAX, WEIGHT_MAX } from "../../engine/limit-operations.ts";
import type { SlotHolder, SlotLimit } from "../../store/limits.ts";

const Slots = Type.Union([Type.Integer({ minimum: 1, maximum: SLOTS_MAX }), Type.Null()]);

/** Of the whole project; absent members stay as they are. */
export const ProjectLimitBody = Type.Object(
  {
    /** Null: no limit. */
    slots: Type.Optional(Slots),
    weight: Type.Optional(Type.Integer({ minimum: 1, maximum: WEIGHT_MAX })),
  },
  { additionalProperties: false },
);

/** Of the workspace that the header names, or of one of its connections. */
export const LimitBody = Type.Object(
  { connection: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })), slots: Slots },
  { additionalProperties: false },
);

export const LimitList = Type.Object({
  weight: Type.Integer(),
  limits: Type.Array(
    Type.Object({
      id: Type.Integer(),
      kind: Type.Union([
        Type.Literal("project"),
        Type.Literal("workspace"),
        Type.Literal("connection"),
        Type.Literal("job"),
      ]),
      workspace: Type.Union([Type.String(), Type.Null()]),
      /** Of the connection or the job. */
      name: Type.Union([Type.String(), Type.Null()]),
      slots: Type.Integer(),
      /** In use now. */
      held: Type.Integer(),
      setAt: Type.String({ format: "date-time" }),
      setBy: Type.String(),
    }),
  ),
});
export type LimitList = Static<typeof LimitList>;

export const HolderList = Type.Object({
  holders: Type.Array(
    Type.Object({
      instanceId: Type.Integer(),
      job: Type.String(),
      nodeNo: Type.Integer(),
      background: Type.Boolean(),
      startedAt: Type.String({ format: "date-time" }),
      server: Type.String(),
    }),
  ),
});
export type HolderList = Static<typeof HolderList>;

export function encodeLimits(weight: number, limits: readonly SlotLimit[]): LimitList {
  return {
    weight,
    limits: limits.map(({ id, kind, workspaceId, connection, jobName, slots, held, setAt, setBy }) => ({
      id,
      kind,
      workspace: workspaceId,
      name: connection ?? jobName,
      slots,
      held,
      setAt: setAt.toISOString(),
      setBy,
    })),
  };
}

export function encodeHolders(holders: readonly SlotHolder[]): HolderList {
  return {
    holders: holders.map(({ instanceId, jobName, nodeNo, background, startedAt, server }) => ({
      instanceId,
      job: jobName,
      nodeNo,
      background,
      startedAt: startedAt.toISOString(),
      server,
    })),
  };
}
