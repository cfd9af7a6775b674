/** An expression to be tried, and what came of it, as the console's API writes them. */
import { type Static, Type } from "typebox";
import { plainValue } from "../../domain/expression-value.ts";
import { invalid } from "../../domain/fault.ts";
import type { EvaluationRequest } from "../../engine/evaluation.ts";
import { checkSchema } from "../check-schema.ts";

const Texts = Type.Record(Type.String(), Type.String());
const Moment = Type.String({
  pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?(Z|[+-]\\d\\d:\\d\\d)$",
});

/** Body of `POST /api/expressions/evaluate`. */
const ExpressionTrial = Type.Object(
  {
    text: Type.String(),
    /** Whether the text is a node's condition, which is true or false. */
    condition: Type.Optional(Type.Boolean()),
    /** A job of the workspace: its parameters, zone and calendar. */
    job: Type.Optional(Type.String()),
    parameters: Type.Optional(Texts),
    scriptParameters: Type.Optional(Texts),
    planTime: Type.Optional(Moment),
    startTime: Type.Optional(Moment),
    zone: Type.Optional(Type.String()),
    /** Nodes that have ended, by name. */
    nodes: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object(
          {
            status: Type.Optional(Type.Union([Type.Literal("success"), Type.Literal("fail")])),
            output: Type.Optional(Type.String()),
          },
          { additionalProperties: false },
        ),
      ),
    ),
    /** The rows of a loop, and which of them is the present one, from 0. */
    loop: Type.Optional(
      Type.Object(
        { dataArray: Type.Array(Type.Array(Type.Unknown())), offset: Type.Integer({ minimum: 0 }) },
        { additionalProperties: false },
      ),
    ),
    eventData: Type.Optional(Type.String()),
    newFiles: Type.Optional(Type.Array(Type.String())),
  },
  { additionalProperties: false },
);
type ExpressionTrial = Static<typeof ExpressionTrial>;

/** Its answer: text, or true or false for a condition. */
export interface ExpressionResult {
  readonly result: string | boolean;
}

/** Raises `request-invalid`. */
export function decodeTrial(
  body: unknown,
  owner: { readonly projectId: string; readonly workspaceId: string },
): EvaluationRequest & { readonly condition: boolean } {
  const problems = checkSchema(ExpressionTrial, body);
  if (problems.length > 0) invalid("request-invalid", problems);
  const { condition = false, job, planTime, startTime, loop, ...rest } = body as ExpressionTrial;
  return {
    ...owner,
    ...rest,
    condition,
    ...(job !== undefined && { jobName: job }),
    ...(planTime !== undefined && { planTime: momentOf(planTime) }),
    ...(startTime !== undefined && { startTime: momentOf(startTime) }),
    ...(loop !== undefined && { loop: decodeLoop(loop) }),
  };
}

function decodeLoop({ dataArray, offset }: NonNullable<ExpressionTrial["loop"]>) {
  if (offset >= dataArray.length) invalid("request-invalid", [`loop.offset: there is no row ${offset}`]);
  return { dataArray: plainValue(dataArray), current: plainValue(dataArray[offset]), offset };
}

function momentOf(text: string): Date {
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) invalid("request-invalid", [`"${text}" is no time`]);
  return moment;
}
