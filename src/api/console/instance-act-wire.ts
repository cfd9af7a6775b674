/** Acts on instances as the console's API takes them, alone and by filter. */
import { type Static, Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import { INSTANCE_ORIGINS } from "../../domain/instance.ts";
import { checkParameters } from "../../domain/job.ts";
import { DEFAULT_WORKSPACE } from "../../domain/project.ts";
import { INSTANCE, type InstanceState } from "../../domain/states.ts";
import type { InstanceAct } from "../../engine/instance-acts.ts";
import type { InstanceFilter } from "../../store/instance-lists.ts";
import { checkSchema } from "../check-schema.ts";

const NodeName = Type.String({ minLength: 1, maxLength: 128 });
const Parameters = Type.Record(Type.String(), Type.String());

/** An act by its name, with what it needs. */
const ActBody = Type.Union([
  Type.Object(
    { act: Type.Enum(["pause", "resume", "stop", "force-success"]) },
    { additionalProperties: false },
  ),
  Type.Object(
    { act: Type.Enum(["pause-node", "resume-node", "skip-node", "succeed-node"]), node: NodeName },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      act: Type.Literal("rerun"),
      from: Type.Optional(
        Type.Union([
          Type.Enum(["first", "failed"]),
          Type.Object({ node: NodeName }, { additionalProperties: false }),
        ]),
      ),
      version: Type.Optional(Type.Enum(["original", "current"])),
      parameters: Type.Optional(Parameters),
    },
    { additionalProperties: false },
  ),
]);

const Moment = Type.String({ format: "date-time" });
const STATES = Object.keys(INSTANCE) as InstanceState[]; // The keys of a literal.

const BulkBody = Type.Object(
  {
    act: Type.Unknown(),
    filter: Type.Object(
      {
        workspace: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
        /** A part of the job's name; the whole of it where `exact`. */
        job: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
        exact: Type.Optional(Type.Boolean()),
        plannedFrom: Type.Optional(Moment),
        plannedTo: Type.Optional(Moment),
        states: Type.Optional(Type.Array(Type.Enum(STATES), { minItems: 1 })),
        origins: Type.Optional(Type.Array(Type.Enum([...INSTANCE_ORIGINS]), { minItems: 1 })),
      },
      { additionalProperties: false, minProperties: 1 },
    ),
    /** Instances that are looked at, the newest first. */
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  },
  { additionalProperties: false },
);

const LIMIT_DEFAULT = 100;

/** The answer to acts by filter. */
export const BulkReply = Type.Object({
  results: Type.Array(
    Type.Object({
      instanceId: Type.Integer({ minimum: 1 }),
      done: Type.Boolean(),
      /** Why not. */
      code: Type.Optional(Type.String()),
      message: Type.Optional(Type.String()),
    }),
  ),
  /** Instances that the filter lets through, looked at or not. */
  total: Type.Integer({ minimum: 0 }),
});
export type BulkReply = Static<typeof BulkReply>;

/** @throws Fault `request-invalid` */
export function decodeAct(body: unknown): InstanceAct {
  refuse(checkSchema(ActBody, body));
  const act = body as Static<typeof ActBody>; // The schema has just been held against it.
  if (act.act !== "rerun") return act;
  const { parameters = {} } = act;
  refuse(checkParameters(Object.entries(parameters).map(([name, value]) => ({ name, value }))));
  return act;
}

/** @throws Fault `request-invalid` */
export function decodeBulk(body: unknown): {
  readonly act: InstanceAct;
  readonly filter: InstanceFilter;
  readonly limit: number;
} {
  refuse(checkSchema(BulkBody, body));
  const { act, filter, limit = LIMIT_DEFAULT } = body as Static<typeof BulkBody>; // As above.
  const { workspace, job, exact = false, plannedFrom, plannedTo, states, origins } = filter;
  return {
    act: decodeAct(act),
    limit,
    filter: {
      workspaceId: workspace ?? DEFAULT_WORKSPACE,
      ...(job !== undefined && { jobName: { text: job, whole: exact } }),
      ...(plannedFrom !== undefined && { plannedFrom: new Date(plannedFrom) }),
      ...(plannedTo !== undefined && { plannedTo: new Date(plannedTo) }),
      ...(states !== undefined && { states }),
      ...(origins !== undefined && { origins }),
    },
  };
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) invalid("request-invalid", problems);
}
