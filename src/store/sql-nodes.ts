/** The SQL of jobs' nodes, as their next run would find it: what is looked through for the tables that jobs use. */
import { type Database, query } from "./database.ts";

export interface SqlNodeFilter {
  /** Absent: all of the project. */
  readonly workspaceId?: string;
  /** Never told of, whatever else is asked for. */
  readonly closedWorkspaces: readonly string[];
  readonly nodeTypes: readonly string[];
  /** The SQL holds it, in whatever case. */
  readonly textContains: string;
  /** Absent: whoever it is. */
  readonly owner?: string;
  readonly executeUser?: string;
}

export interface SqlNode {
  readonly jobId: number;
  readonly jobName: string;
  readonly workspaceId: string;
  readonly owner: string;
  readonly savedAt: Date;
  readonly executeUser: string | null;
  readonly nodeNo: number;
  readonly nodeType: string;
  readonly sql: string;
  /** Of the node, else of its script. */
  readonly database: string | null;
  /** Of the node, else of its connection. */
  readonly cluster: string | null;
}

/** Scripts have up to 4 MB each. */
const BATCH = 16;

/** All that the filter chooses, the newest job's first, read a few at a time. */
export async function* readSqlNodes(
  db: Database,
  projectId: string,
  filter: SqlNodeFilter,
): AsyncGenerator<SqlNode> {
  let last: SqlNode | undefined;
  do {
    const rows = await listSqlNodes(db, projectId, filter, last);
    yield* rows;
    last = rows.length < BATCH ? undefined : rows.at(-1);
  } while (last !== undefined);
}

/** Which of its texts a node runs is said in operators/program-text.ts. */
async function listSqlNodes(
  db: Database,
  projectId: string,
  { workspaceId, closedWorkspaces, nodeTypes, textContains, owner, executeUser }: SqlNodeFilter,
  after: SqlNode | undefined,
): Promise<SqlNode[]> {
  return await query<SqlNode>(
    db,
    "list-sql-nodes",
    `select j.id as "jobId", j.name as "jobName", j.workspace_id as "workspaceId",
       coalesce(j.owner, j.created_by) as owner, j.updated_at as "savedAt",
       v.document -> 'basicConfig' ->> 'executeUser' as "executeUser",
       n.place::integer as "nodeNo", n.node ->> 'type' as "nodeType", t.sql,
       coalesce(nullif(p.of ->> 'database', ''), nullif(s.document ->> 'database', '')) as database,
       coalesce(p.of ->> 'clusterName', c.config ->> 'clusterName') as cluster
     from job j
     join job_version v on v.project_id = j.project_id and v.job_id = j.id and v.version = j.version
     cross join lateral jsonb_array_elements(v.definition -> 'nodes') with ordinality n (node, place)
     cross join lateral (select n.node -> 'properties') p (of)
     left join script s
       on s.project_id = j.project_id and s.workspace_id = j.workspace_id and s.name = p.of ->> 'scriptName'
     left join connection c on c.project_id = j.project_id and c.workspace_id = j.workspace_id
       and c.name = coalesce(nullif(p.of ->> 'connectionName', ''), s.document ->> 'connectionName')
     cross join lateral (
       select case when upper(p.of ->> 'statementOrScript') = 'STATEMENT' then coalesce(p.of ->> 'statement', s.content)
         else coalesce(s.content, p.of ->> 'statement') end
     ) t (sql)
     where j.project_id = $1 and ($2::text is null or j.workspace_id = $2) and j.kind <> 'node'
       and j.workspace_id <> all ($9::text[])
       and ($3::text is null or coalesce(j.owner, j.created_by) = $3)
       and ($4::text is null or v.document -> 'basicConfig' ->> 'executeUser' = $4)
       and n.node ->> 'type' = any ($5) and strpos(lower(t.sql), lower($6)) > 0
       and ($7::bigint is null or j.id < $7 or j.id = $7 and n.place > $8)
     order by j.id desc, n.place limit ${BATCH}`,
    [
      ...[projectId, workspaceId, owner, executeUser, nodeTypes, textContains],
      ...[after?.jobId, after?.nodeNo, closedWorkspaces],
    ],
  );
}
