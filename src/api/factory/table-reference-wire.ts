/** Jobs that use a table, as DataArts Factory v2 writes them: query and entries (dataarts-factory 5, `F/task-table-references`). */
import { type Static, Type } from "typebox";
import type { TableReference, TableReferenceFilter } from "../../catalog/table-references.ts";
import { wordOf } from "../query.ts";
import { pageMembers } from "./request-wire.ts";
import { Milliseconds } from "./time-wire.ts";

const LIMIT_MAX = 100;
/** Source: the vendor's SDK, ListTaskTableReferenceDetailRequest. */
const LIMIT_DEFAULT = 20;
const NAME_MAX = 512;

/** The kinds of databases, with the types of nodes that run their SQL. */
export const TABLE_DATABASES = {
  DLI: ["DLISQL"],
  HIVE: ["HiveSQL"],
  SPARK: ["SparkSQL"],
} as const;

const text = (description: string) => Type.Optional(Type.String({ description }));

export const TableReferenceQuery = Type.Object({
  table_name: Type.String({
    minLength: 1,
    maxLength: NAME_MAX,
    description: "The whole name; case does not count.",
  }),
  db_type: wordOf(TABLE_DATABASES),
  data_base_name: text("The table's database; case does not count."),
  cluster_name: text("The node's cluster, or that of its connection."),
  io_type: Type.Optional(Type.Integer({ minimum: 0, maximum: 1, description: "0: reads it, 1: writes it." })),
  workspace_name: text("One workspace; all of the project where it is absent."),
  owner: text("The job's owner."),
  execute_user: text("Who the job runs as."),
  ...pageMembers(LIMIT_MAX, LIMIT_DEFAULT),
});

const Reference = Type.Object({
  job_id: Type.Integer({ minimum: 1 }),
  job_name: Type.String(),
  db_type: wordOf(TABLE_DATABASES),
  data_base: Type.String(),
  table_name: Type.String(),
  cluster_name: Type.Optional(Type.String()),
  workspace_name: Type.String(),
  workspace_id: Type.String(),
  owner: Type.String(),
  last_submit_time: Milliseconds,
  io_type: Type.Integer({ minimum: 0, maximum: 1 }),
  is_dynamic: Type.Boolean({ description: "Whether a parameter or an expression is part of the name." }),
  execute_user: Type.Optional(Type.String()),
});

export const TableReferenceList = Type.Object({
  total: Type.Integer({ minimum: 0 }),
  task_table_detail_list: Type.Array(Reference),
});

export function decodeTableReferences(
  asked: Static<typeof TableReferenceQuery>,
): Omit<TableReferenceFilter, "workspaceId" | "closedWorkspaces"> {
  const given = {
    database: asked.data_base_name,
    cluster: asked.cluster_name,
    owner: asked.owner,
    executeUser: asked.execute_user,
  };
  const filled = Object.entries(given).filter(([, value]) => value !== undefined && value !== "");
  return {
    table: asked.table_name,
    nodeTypes: TABLE_DATABASES[asked.db_type],
    ...Object.fromEntries(filled),
    ...(asked.io_type !== undefined && { use: asked.io_type === 0 ? "read" : "write" }),
  };
}

/** Members that are not known are absent. */
export function encodeTableReference(
  reference: TableReference,
  db_type: keyof typeof TABLE_DATABASES,
): Static<typeof Reference> {
  const { cluster, workspaceId, executeUser } = reference;
  return {
    job_id: reference.jobId,
    job_name: reference.jobName,
    db_type,
    data_base: reference.database,
    table_name: reference.table,
    ...(cluster !== null && { cluster_name: cluster }),
    workspace_name: workspaceId,
    workspace_id: workspaceId,
    owner: reference.owner,
    last_submit_time: reference.savedAt.getTime(),
    io_type: reference.use === "read" ? 0 : 1,
    is_dynamic: reference.dynamic,
    ...(executeUser !== null && { execute_user: executeUser }),
  };
}
