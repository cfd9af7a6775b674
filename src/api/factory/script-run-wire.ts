/** Runs of scripts as DataArts Factory v1 writes them: schemas, decode and encode (dataarts-factory 4.10). */
import { type Static, Type } from "typebox";
import { missing } from "../../domain/fault.ts";
import type { JobParameter } from "../../domain/job.ts";
import type { ScriptRun } from "../../domain/script-run.ts";
import { parseObjectId } from "../../domain/shared-object.ts";
import { INSTANCE_ENDED } from "../../domain/states.ts";
import { readBody } from "./request-wire.ts";

export const ExecuteBody = Type.Object({
  params: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
      description: "Values for the names in the script, `${name}`.",
    }),
  ),
});

export const RunStarted = Type.Object({ instanceId: Type.String() });

const Result = Type.Object({
  message: Type.String(),
  duration: Type.Number({ minimum: 0, description: "Seconds." }),
  rowCount: Type.Integer({ minimum: 0, description: "All rows; `rows` has the first ones." }),
  rows: Type.Array(Type.Array(Type.Union([Type.String(), Type.Null()]))),
  schema: Type.Array(Type.Record(Type.String(), Type.String()), {
    description: "The type of each column under its name.",
  }),
});

/** One client reads the results by the one name, another by the other. */
export const RunState = Type.Object({
  status: Type.Enum(["LAUNCHING", "RUNNING", "FINISHED", "FAILED"]),
  message: Type.Optional(Type.String({ description: "Why it failed." })),
  results: Type.Array(Result),
  result: Type.Array(Result),
});

/** Raises `request-invalid` with every problem. */
export function decodeExecution(body: unknown): readonly JobParameter[] {
  const { params = {} } = readBody(ExecuteBody, body);
  return Object.entries(params).map(([name, value]) => ({ name, value: String(value) }));
}

/** The inner form of a path's id. @throws Fault `script-run-missing` for a text that is none. */
export function decodeRunId(text: string): string {
  return parseObjectId(text.toLowerCase()) ?? missing("script-run-missing", "the script has no such run");
}

/** A success has no message of its own: one client takes any for a failure. */
export function encodeScriptRun(run: ScriptRun): Static<typeof RunState> {
  const status = encodeStatus(run);
  const results = status === "FINISHED" ? [encodeResult(run)] : [];
  return {
    status,
    ...(status === "FAILED" && { message: run.message ?? "The run was stopped." }),
    results,
    result: results,
  };
}

function encodeStatus({ state, startedAt }: ScriptRun): Static<typeof RunState>["status"] {
  if (state === "succeeded") return "FINISHED";
  if (INSTANCE_ENDED.includes(state)) return "FAILED";
  return startedAt === null ? "LAUNCHING" : "RUNNING";
}

function encodeResult({ message, startedAt, endedAt, table }: ScriptRun): Static<typeof Result> {
  const { columns = [], rows = [], rowCount = 0 } = table ?? {};
  const durationMs = startedAt === null || endedAt === null ? 0 : endedAt.getTime() - startedAt.getTime();
  return {
    message: message ?? "",
    duration: durationMs / 1000,
    rowCount,
    rows: rows.map((row) => [...row]),
    schema: columns.map(({ name, type }) => ({ [name]: type })),
  };
}
