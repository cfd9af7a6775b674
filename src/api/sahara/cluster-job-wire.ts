/** Runs as the vendor's second version shows them. Source: mrs-v1.1 10. */
import { type Static, Type } from "typebox";
import { formatObjectId } from "../../domain/shared-object.ts";
import { type Submission, submissionOf, type VendorType } from "../../domain/vendor-run.ts";
import { CLOSED } from "./object-wire.ts";
import { PHASES, RUN_NAME_PATTERN, type RunPhase, type VendorExecution } from "./vendor-route.ts";

/** Types by their names here; newer regions have further names for some. */
const TYPES: Readonly<Record<string, VendorType>> = {
  MapReduce: "MapReduce",
  SparkSubmit: "Spark",
  HiveScript: "Hive",
  HiveSql: "hql",
  DistCp: "DistCp",
  SparkScript: "SparkScript",
  SparkSql: "SparkSql",
  Flink: "Flink",
  SparkPython: "Spark",
};

const STATES: Readonly<Record<RunPhase, string>> = {
  waiting: "ACCEPTED",
  running: "RUNNING",
  succeeded: "FINISHED",
  failed: "FAILED",
  cancelled: "KILLED",
};
const RESULTS: Readonly<Record<RunPhase, string>> = {
  waiting: "UNDEFINED",
  running: "UNDEFINED",
  succeeded: "SUCCEEDED",
  failed: "FAILED",
  cancelled: "KILLED",
};
/** Other words for a run that has not begun. */
const WAITING_STATES = ["NEW", "NEW_SAVING", "SUBMITTED"];
const ARGUMENTS_MAX = 4096;
const PROPERTIES_MAX = 2048;

/** No character is forbidden: nothing passes through a shell. */
export const ClusterJobPost = Type.Object(
  {
    job_type: Type.Enum(Object.keys(TYPES)),
    job_name: Type.String({ pattern: RUN_NAME_PATTERN }),
    arguments: Type.Optional(
      Type.Union([Type.Array(Type.String({ maxLength: ARGUMENTS_MAX }), { maxItems: 1000 }), Type.Null()]),
    ),
    properties: Type.Optional(
      Type.Union([Type.Record(Type.String(), Type.String({ maxLength: PROPERTIES_MAX })), Type.Null()]),
    ),
  },
  CLOSED,
);

export const BatchDeletePost = Type.Object(
  { job_id_list: Type.Array(Type.String(), { minItems: 1, maxItems: 100 }) },
  CLOSED,
);

/** The submission, or what is wrong with its lengths. */
export function decodeClusterJob(body: Static<typeof ClusterJobPost>): Submission | string {
  const [args, properties] = [body.arguments ?? [], body.properties ?? {}];
  if (args.join("").length > ARGUMENTS_MAX) return `arguments: at most ${ARGUMENTS_MAX} characters in all`;
  if (Object.entries(properties).join("").length > PROPERTIES_MAX)
    return `properties: at most ${PROPERTIES_MAX} characters in all`;
  return submissionOf(TYPES[body.job_type] ?? "Spark", body.job_name, args, properties);
}

/** The types that a filter names, whatever the case of its letters. */
export function typesNamed(text: string): VendorType[] {
  const found = Object.entries(TYPES).filter(([name]) => name.toLowerCase() === text.toLowerCase());
  return found.map(([, type]) => type);
}

export function isInState(phase: RunPhase, text: string): boolean {
  const wanted = text.toUpperCase();
  return STATES[phase] === wanted || (phase === "waiting" && WAITING_STATES.includes(wanted));
}

export function hasResult(phase: RunPhase, text: string): boolean {
  return RESULTS[phase] === text.toUpperCase();
}

export function encodeClusterJob(run: VendorExecution) {
  const { vendor, startedAt, endedAt } = run;
  const phase = PHASES[run.state];
  return {
    job_id: formatObjectId(run.id),
    user: run.by,
    job_name: run.name,
    job_result: RESULTS[phase],
    job_state: STATES[phase],
    job_progress: phase === "succeeded" ? 100 : 0,
    job_type: Object.keys(TYPES).find((name) => TYPES[name] === vendor.type) ?? vendor.type,
    started_time: startedAt?.getTime() ?? 0,
    submitted_time: run.createdAt.getTime(),
    finished_time: endedAt?.getTime() ?? 0,
    elapsed_time: startedAt === null || endedAt === null ? 0 : endedAt.getTime() - startedAt.getTime(),
    queue: queueOf(vendor.properties),
    arguments: `[${argumentsOf(run).join(", ")}]`,
    properties: `{${Object.entries(vendor.properties)
      .map(([name, value]) => `${name}=${value}`)
      .join(", ")}}`,
    launcher_id: "",
    app_id: run.engineId ?? "",
    tracking_url: "",
  };
}

/** As the list filters by it, too (`store/vendor-runs.ts`). */
function queueOf(properties: Readonly<Record<string, string>>): string {
  return properties["spark.yarn.queue"] ?? properties["mapreduce.job.queuename"] ?? "default";
}

/** In the order of this version, whichever the run came in. */
function argumentsOf({ vendor }: VendorExecution): string[] {
  const { jarPath, scriptPath, statement, words, input, output } = vendor;
  const all = [jarPath, scriptPath, statement, ...words, input, output];
  return all.filter((word) => word !== "");
}
