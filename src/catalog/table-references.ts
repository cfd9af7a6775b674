/** Which jobs read and write a table, as the SQL of their nodes says. */
import { tableUses } from "../domain/sql-tables.ts";
import type { Database } from "../store/database.ts";
import { readSqlNodes, type SqlNode, type SqlNodeFilter } from "../store/sql-nodes.ts";

export interface TableReferenceFilter extends Omit<SqlNodeFilter, "textContains"> {
  /** The whole name, in whatever case. */
  readonly table: string;
  readonly database?: string;
  readonly cluster?: string;
  readonly use?: "read" | "write";
}

/** A job's use of a table, whichever of its nodes it comes from. */
export interface TableReference
  extends Pick<
    SqlNode,
    "jobId" | "jobName" | "workspaceId" | "owner" | "savedAt" | "executeUser" | "cluster"
  > {
  readonly database: string;
  readonly table: string;
  readonly use: "read" | "write";
  /** Whether a parameter or an expression is part of the name. */
  readonly dynamic: boolean;
}

/** Of a table that neither its name nor its node says the database of. */
const DATABASE_DEFAULT = "default";

/** Each use of the table once for a job, those of the newest job first. */
export async function listTableReferences(
  db: Database,
  projectId: string,
  filter: TableReferenceFilter,
): Promise<TableReference[]> {
  const found = new Map<string, TableReference>();
  for await (const node of readSqlNodes(db, projectId, { ...filter, textContains: filter.table })) {
    const chosen = referencesOf(node).filter((one) => holds(one, filter));
    for (const one of chosen) {
      const key = JSON.stringify([one.jobId, one.use, one.database.toLowerCase(), one.cluster]);
      if (!found.has(key)) found.set(key, one);
    }
  }
  return [...found.values()];
}

function referencesOf(node: SqlNode): TableReference[] {
  const { jobId, jobName, workspaceId, owner, savedAt, executeUser, cluster } = node;
  const job = { jobId, jobName, workspaceId, owner, savedAt, executeUser, cluster };
  return tableUses(node.sql).map(({ database = node.database ?? DATABASE_DEFAULT, ...use }) => ({
    ...job,
    ...use,
    database,
  }));
}

function holds(one: TableReference, filter: TableReferenceFilter): boolean {
  const { table, database = one.database, cluster = one.cluster, use = one.use } = filter;
  const isNamed = isSame(one.table, table) && isSame(one.database, database);
  return isNamed && one.cluster === cluster && one.use === use;
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
