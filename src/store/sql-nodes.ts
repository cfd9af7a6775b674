/** The SQL of jobs' nodes, as their next run would find it: what is looked through for the tables that jobs use. */
import { marksWanted } from "../domain/text-marks.ts";
import { type Database, query } from "./database.ts";
import { mayHold } from "./text-marks.ts";

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
/** Jobs whose nodes are looked through by one statement. */
const JOBS = 256;

/** All that the filter chooses, the newest job's first, read a few at a time. */
export async function* readSqlNodes(
  db: Database,
  projectId: string,
  filter: SqlNodeFilter,
): AsyncGenerator<SqlNode> {
  const ids = await listCandidates(db, projectId, filter);
  for (let first = 0; first < ids.length; first += JOBS) {
    const jobIds = ids.slice(first, first + JOBS);
    let last: SqlNode | undefined;
    do {
      const rows = await listSqlNodes(db, projectId, { ...filter, jobIds }, last);
      yield* rows;
      last = rows.length < BATCH ? undefined : rows.at(-1);
    } while (last !== undefined);
  }
}

/** Jobs that may hold the text themselves, and those that name a script which may; the newest first. */
async function listCandidates(
  db: Database,
  projectId: string,
  { workspaceId, closedWorkspaces, textContains }: SqlNodeFilter,
): Promise<number[]> {
  const rows = await query<{ readonly id: number }>(
    db,
    "list-sql-jobs",
    `select j.id from job j
     where j.project_id = $1 and ($2::text is null or j.workspace_id = $2) and j.kind <> 'node'
       and j.workspace_id <> all ($3::text[]) and ${mayHold("j.marks", 4)}
     union
     select j.id from script s
     join job j on j.project_id = $1 and j.workspace_id = s.workspace_id and j.kind <> 'node' and j.uses <> '{}'
       and list_keys(j.project_id, j.workspace_id, j.uses) @> list_keys($1, s.workspace_id, array['script/' || s.name])
     where s.project_id = $1 and ($2::text is null or s.workspace_id = $2)
       and s.workspace_id <> all ($3::text[]) and ${mayHold("s.marks", 4)}
     order by id desc`,
    [projectId, workspaceId, closedWorkspaces, ...marksWanted([textContains])],
  );
  return rows.map(({ id }) => id);
}

/** Which of its texts a node runs is said in operators/program-text.ts. */
async function listSqlNodes(
  db: Database,
  projectId: string,
  {
    jobIds,
    nodeTypes,
    textContains,
    owner,
    executeUser,
  }: SqlNodeFilter & { readonly jobIds: readonly number[] },
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
     where j.project_id = $1 and j.id = any ($2::bigint[])
       and ($3::text is null or coalesce(j.owner, j.created_by) = $3)
       and ($4::text is null or v.document -> 'basicConfig' ->> 'executeUser' = $4)
       and n.node ->> 'type' = any ($5) and strpos(lower(t.sql), lower($6)) > 0
       and ($7::bigint is null or j.id < $7 or j.id = $7 and n.place > $8)
     order by j.id desc, n.place limit ${BATCH}`,
    [...[projectId, jobIds, owner, executeUser, nodeTypes, textContains], ...[after?.jobId, after?.nodeNo]],
  );
}
