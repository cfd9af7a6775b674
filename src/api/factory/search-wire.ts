/** The search as DataArts Factory v2 writes it: query and hits (dataarts-factory 5, `F/search`). */
import { type Static, Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import { SCRIPT_TYPES, type ScriptType } from "../../domain/script.ts";
import type { JobHit, ScriptHit, SearchFilter, SearchHit } from "../../store/search.ts";
import { wordOf } from "../query.ts";
import { listIn } from "./job-list-wire.ts";
import { encodeKind, JOB_KINDS } from "./job-wire.ts";
import { pageMembers } from "./request-wire.ts";
import { Milliseconds } from "./time-wire.ts";

const LIMIT_MAX = 100;
const TEXT_MAX = 1000;
/** Shorter texts are in nearly everything. Source: the vendor's SDK, ShowFactoryFullTextRequest. */
const TEXT_MIN = 2;

/** The search's words for types of scripts; the types' own are taken too. */
const SCRIPT_WORDS: Readonly<Record<string, readonly ScriptType[]>> = {
  HIVE: ["HiveSQL"],
  DLI: ["DLISQL"],
  DWS: ["DWSSQL"],
  SparkSQL: ["SparkSQL"],
  SparkPython: ["SparkPython", "Spark Python"],
  FlinkSQL: ["FlinkSQL"],
  RDS: ["RDSSQL"],
  PRESTO: ["PRESTO"],
  HETUENGINE: ["HetuEngineSQL"],
  ClickHouse: ["ClickHouseSQL"],
  IMPALA: ["ImpalaSQL"],
  SHELL: ["Shell"],
  PYTHON: ["PYTHON"],
};
const SCRIPT_MEANINGS: Readonly<Record<string, readonly ScriptType[]>> = {
  ...Object.fromEntries(SCRIPT_TYPES.map((type) => [type, [type]])),
  ...SCRIPT_WORDS,
};

/** The search's words for types of nodes; all others have their own. Source: as above. */
const NODE_CLASSES: Readonly<Record<string, readonly string[]>> = {
  "com.cloud.datacraft.processactivity.ExecuteHiveJob": ["HiveSQL"],
  "com.cloud.datacraft.activity.ExecuteSparkSQL": ["SparkSQL"],
  "com.cloud.datacraft.activity.MRSSparkPython": ["MRSSparkPython"],
  "com.cloud.datacraft.processactivity.ExecuteImpalaJob": ["ImpalaSQL"],
  "com.cloud.datacraft.activity.DLISQL": ["DLISQL"],
  "com.cloud.datacraft.activity.DliFlinkJob": ["CSJob"],
  "com.cloud.datacraft.processactivity.ExecuteDWSJob": ["DWSSQL"],
  "com.cloud.datacraft.activity.ExecuteQuery": ["RDSSQL"],
  "com.cloud.datacraft.activity.MRSPrestoSQL": ["MRSPrestoSQL"],
  "com.cloud.datacraft.processactivity.ExecuteScript": ["Shell"],
  "com.cloud.datacraft.processactivity.ExecutePythonScript": ["Python"],
  "com.cloud.datacraft.processactivity.ExecuteClickHouseJob": ["ClickHouseSQL"],
  "com.cloud.datacraft.processactivity.ExecuteHetuEngineJob": ["MRSHetuEngine", "HetuEngineSQL"],
  "com.cloud.datacraft.activity.DataMigration": ["DataMigration"],
};

const DOC_TYPES = ["node", "script"] as const;
const SAVE_OR_COMMIT = ["save", "commit"] as const;
const SCHEDULE_STATES = { running: true, stop: false } as const;
const EXACT_FIELDS = {
  jobName: { of: "node", by: "name" },
  scriptName: { of: "script", by: "name" },
  jobId: { of: "node", by: "id" },
  scriptId: { of: "script", by: "id" },
} as const;

const words = (known: readonly string[], description: string) => {
  const one = `(${known.join("|")})`;
  return Type.Optional(Type.String({ pattern: `^(${one}(,${one}){0,99})?$`, description }));
};

export const SearchQuery = Type.Object({
  search_text: Type.String({
    minLength: 1,
    maxLength: TEXT_MAX,
    description: "At least two characters, where it is not a whole name or id; case does not count.",
  }),
  workspace_id: Type.Optional(Type.String({ description: "All workspaces where it is absent." })),
  doc_types: words(DOC_TYPES, "`node`: jobs and their nodes, `script`: scripts; both where it is absent."),
  job_type: words(Object.keys(JOB_KINDS), "Kinds of jobs, parted by commas."),
  script_type: words(Object.keys(SCRIPT_MEANINGS), "Types of scripts, parted by commas."),
  node_type: Type.Optional(
    Type.String({ description: "Types of nodes, parted by commas: then no jobs are found but by them." }),
  ),
  new_save_or_commit: Type.Enum([...SAVE_OR_COMMIT], {
    default: "save",
    description: "Without review, what is saved is committed too.",
  }),
  owners: Type.Optional(Type.String({ description: "Owners, parted by commas." })),
  begin_time: Type.Optional(Milliseconds),
  end_time: Type.Optional(Milliseconds),
  if_query_parameters: Type.Boolean({
    default: false,
    description: "Whether parameters of jobs and configurations of scripts are looked into.",
  }),
  match_type: Type.Integer({
    minimum: 0,
    maximum: 1,
    default: 0,
    description: "0: the text as it stands; 1: its words, in any order.",
  }),
  schedule_state: Type.Optional(wordOf(SCHEDULE_STATES, { description: "Jobs alone, in operation or not." })),
  is_exact: Type.Boolean({ default: false, description: "The text is a whole name or id." }),
  exact_field: Type.Optional(wordOf(EXACT_FIELDS, { description: "What the whole text is." })),
  ...pageMembers(LIMIT_MAX),
});

const Hit = Type.Object({
  id: Type.String({ description: "Of this hit alone." }),
  project_id: Type.String(),
  workspace: Type.String(),
  workspace_name: Type.String(),
  doc_type: Type.Enum([...DOC_TYPES]),
  owner: Type.String(),
  new_save_or_commit: Type.Enum([...SAVE_OR_COMMIT]),
  version: Type.Integer({ minimum: 1 }),
  last_modified_time: Milliseconds,
  job_id: Type.Optional(Type.String()),
  job_name: Type.Optional(Type.String()),
  job_type: Type.Optional(wordOf(JOB_KINDS)),
  job_params: Type.Optional(Type.String({ description: "JSON: a list of names and values." })),
  single_node_job_type: Type.Optional(Type.String()),
  schedule_state: Type.Optional(wordOf(SCHEDULE_STATES)),
  node_name: Type.Optional(Type.String({ description: "Absent where the job itself was found." })),
  node_type: Type.Optional(Type.String()),
  script_id: Type.Optional(Type.String()),
  script_name: Type.Optional(Type.String({ description: "Of a node: the script that it names." })),
  script_type: Type.Optional(Type.String()),
  cdm_cluster_name: Type.Optional(Type.String()),
  cdm_job_name: Type.Optional(Type.String()),
});

export const SearchResult = Type.Object({
  limit: Type.Integer({ minimum: 1 }),
  offset: Type.Integer({ minimum: 0 }),
  total_hits: Type.Integer({ minimum: 0 }),
  search_details: Type.Array(Hit),
});

/** Raises `request-invalid` for members that do not go together. */
export function decodeSearch(
  asked: Static<typeof SearchQuery>,
): Omit<SearchFilter, "workspaceId" | "closedWorkspaces"> {
  const { search_text: text, is_exact: isExact, exact_field: field } = asked;
  if (isExact && field === undefined)
    invalid("request-invalid", ["exact_field: must be given with is_exact"]);
  if (!isExact && text.trim().length < TEXT_MIN)
    invalid("request-invalid", [`search_text: must have at least ${TEXT_MIN} characters`]);
  const exact = isExact && field !== undefined ? EXACT_FIELDS[field] : undefined;
  const owners = listIn(asked.owners);
  return {
    ...(exact === undefined
      ? { texts: asked.match_type === 0 ? [text.trim()] : text.trim().split(/\s+/) }
      : { texts: [], exact: { by: exact.by, value: text } }),
    withParameters: asked.if_query_parameters,
    ...kindsOf(asked, exact === undefined ? undefined : [exact.of]),
    ...(owners.length > 0 && { owners }),
    ...(asked.begin_time !== undefined && { savedFrom: new Date(asked.begin_time) }),
    ...(asked.end_time !== undefined && { savedUntil: new Date(asked.end_time) }),
  };
}

function kindsOf(
  asked: Static<typeof SearchQuery>,
  exactly: readonly string[] | undefined,
): Pick<SearchFilter, "jobs" | "scripts"> {
  const given = listIn(asked.doc_types);
  const wants = (kind: string) =>
    (given.length === 0 || given.includes(kind)) && (exactly?.includes(kind) ?? true);
  const [jobTypes, scriptTypes, nodeTypes] = [
    listIn(asked.job_type),
    listIn(asked.script_type),
    listIn(asked.node_type),
  ];
  const state = asked.schedule_state;
  return {
    ...(wants("node") && {
      jobs: {
        kinds: (["BATCH", "REAL_TIME"] as const)
          .filter((type) => jobTypes.length === 0 || jobTypes.includes(type))
          .map((type) => JOB_KINDS[type]),
        ...(nodeTypes.length > 0 && {
          nodeTypes: nodeTypes.flatMap((type) =>
            Object.hasOwn(NODE_CLASSES, type) ? (NODE_CLASSES[type] ?? []) : [type],
          ),
        }),
        ...(state !== undefined && { inOperation: SCHEDULE_STATES[state] }),
      },
    }),
    ...(wants("script") &&
      state === undefined && {
        scripts: {
          types:
            scriptTypes.length === 0
              ? SCRIPT_TYPES
              : scriptTypes.flatMap((type) => SCRIPT_MEANINGS[type] ?? []),
        },
      }),
  };
}

/** Members that a hit does not have are absent. */
export function encodeHit(
  hit: SearchHit,
  { projectId, asked }: { readonly projectId: string; readonly asked: Static<typeof SearchQuery> },
): Static<typeof Hit> {
  return {
    project_id: projectId,
    workspace: hit.workspaceId,
    workspace_name: hit.workspaceId,
    owner: hit.owner,
    new_save_or_commit: asked.new_save_or_commit,
    version: hit.version,
    last_modified_time: hit.updatedAt.getTime(),
    ...(hit.kind === "script" ? encodeScriptHit(hit) : encodeJobHit(hit)),
  };
}

function encodeJobHit({ id, name, kind, parameters, singleNodeType, inOperation, node }: JobHit) {
  return {
    id: node === null ? `job-${id}` : `job-${id}-${node.no}`,
    doc_type: "node" as const,
    job_id: String(id),
    job_name: name,
    job_type: encodeKind(kind),
    ...(parameters.length > 0 && { job_params: JSON.stringify(parameters) }),
    ...(singleNodeType !== null && { single_node_job_type: singleNodeType }),
    schedule_state: inOperation ? ("running" as const) : ("stop" as const),
    ...(node !== null && encodeNode(node)),
  };
}

function encodeNode({ name, type, properties }: NonNullable<JobHit["node"]>) {
  const { scriptName, clusterName, jobName } = properties;
  return {
    node_name: name,
    node_type: wordFor(NODE_CLASSES, type),
    ...(scriptName !== undefined && { script_name: scriptName }),
    ...(type === "CDMJob" && clusterName !== undefined && { cdm_cluster_name: clusterName }),
    ...(type === "CDMJob" && jobName !== undefined && { cdm_job_name: jobName }),
  };
}

function encodeScriptHit({ id, name, type }: ScriptHit) {
  return {
    id: `script-${id}`,
    doc_type: "script" as const,
    script_id: String(id),
    script_name: name,
    script_type: wordFor(SCRIPT_WORDS, type),
  };
}

/** The word that means the type; its own where none does. */
function wordFor(meanings: Readonly<Record<string, readonly string[]>>, type: string): string {
  return Object.keys(meanings).find((word) => meanings[word]?.includes(type)) ?? type;
}
