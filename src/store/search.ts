/** The search for texts in what is saved: in jobs, their nodes, and scripts, of one workspace or of all of a project. */
import type { JobKind, JobNode, JobParameter } from "../domain/job.ts";
import type { Page } from "../domain/page.ts";
import type { ScriptType } from "../domain/script.ts";
import { marksWanted } from "../domain/text-marks.ts";
import { type Database, query } from "./database.ts";
import { mayHold } from "./text-marks.ts";

export interface SearchFilter {
  /** Absent: all of the project. */
  readonly workspaceId?: string;
  /** Never told of, whatever else is asked for. */
  readonly closedWorkspaces: readonly string[];
  /** All must occur, each anywhere in what is found; case does not count. */
  readonly texts: readonly string[];
  /** In place of texts: a whole name or id, case and all. */
  readonly exact?: { readonly by: "name" | "id"; readonly value: string };
  /** Whether parameters of jobs and configurations of scripts are looked into, too. */
  readonly withParameters: boolean;
  /** Absent: no jobs. */
  readonly jobs?: {
    readonly kinds: readonly JobKind[];
    /** Absent: jobs, and nodes of all types; else nodes of these alone. */
    readonly nodeTypes?: readonly string[];
    readonly inOperation?: boolean;
  };
  /** Absent: no scripts. */
  readonly scripts?: { readonly types: readonly ScriptType[] };
  /** Absent: whoever it is. */
  readonly owners?: readonly string[];
  readonly savedFrom?: Date;
  readonly savedUntil?: Date;
}

interface HitHead {
  readonly id: number;
  readonly workspaceId: string;
  readonly name: string;
  readonly owner: string;
  readonly version: number;
  readonly updatedAt: Date;
}

/** A job that was found by its own words, or one of its nodes. */
export interface JobHit extends HitHead {
  readonly kind: JobKind;
  readonly inOperation: boolean;
  readonly singleNodeType: string | null;
  readonly parameters: readonly JobParameter[];
  readonly node: (Pick<JobNode, "name" | "type" | "properties"> & { readonly no: number }) | null;
}

export interface ScriptHit extends HitHead {
  readonly kind: "script";
  readonly type: ScriptType;
}

export type SearchHit = JobHit | ScriptHit;

/** One page of what was found, saved last first, and how much there is in all. */
export async function search(
  db: Database,
  projectId: string,
  filter: SearchFilter,
  { offset, limit }: Page,
): Promise<{ readonly hits: SearchHit[]; readonly total: number }> {
  const { workspaceId, texts, exact, withParameters, jobs, scripts, owners, savedFrom, savedUntil } = filter;
  const rows = await query<HitRow>(db, "search", SEARCH, [
    ...[projectId, workspaceId, texts.map(patternOf), texts.map(jsonPatternOf), withParameters],
    ...[jobs?.kinds ?? [], jobs?.nodeTypes, jobs?.inOperation, scripts?.types ?? []],
    ...[owners, savedFrom, savedUntil, exact?.by, exact?.value, offset, limit, filter.closedWorkspaces],
    ...marksWanted(texts),
  ]);
  return { hits: rows.flatMap(hitFromRow), total: rows[0]?.total ?? 0 };
}

function patternOf(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}

/** The text as it stands in a definition's JSON. */
function jsonPatternOf(text: string): string {
  return patternOf(JSON.stringify(text).slice(1, -1));
}

/**
 * Parameters: see `search`. What the marks say a text cannot hold is ruled out before the text is read; what a job's text
 * holds nowhere, before its nodes are taken apart.
 */
const SEARCH = `
  with hit as materialized (
    select 'job' as what, j.id, part.no, j.updated_at
    from job j
    join job_version v on v.project_id = j.project_id and v.job_id = j.id and v.version = j.version
    cross join lateral (
      select -1 as no, null as type,
        concat_ws(E'\\n', j.name, v.document ->> 'description', case when $5::boolean then (
          select string_agg(concat_ws(E'\\n', p ->> 'name', p ->> 'value'), E'\\n')
          from jsonb_array_elements(v.definition -> 'parameters') p
        ) end) as text
      union all
      select n.place::integer - 1, n.node ->> 'type',
        concat_ws(E'\\n', n.node ->> 'name', n.node ->> 'type',
          (select string_agg(value, E'\\n') from jsonb_each_text(n.node -> 'properties')))
      from jsonb_array_elements(v.definition -> 'nodes') with ordinality n (node, place)
    ) part
    where j.project_id = $1 and ($2::text is null or j.workspace_id = $2) and j.kind = any ($6)
      and j.workspace_id <> all ($17::text[]) and ${mayHold("j.marks", 18)}
      and ($8::boolean is null or (j.status <> 'stopped') = $8)
      and ($10::text[] is null or coalesce(j.owner, j.created_by) = any ($10))
      and ($11::timestamptz is null or j.updated_at >= $11) and ($12::timestamptz is null or j.updated_at <= $12)
      and lower(concat_ws(E'\\n', j.name, v.document::text)) like all (array(select lower(p) from unnest($4::text[]) p))
      and lower(part.text) like all (array(select lower(p) from unnest($3::text[]) p))
      and ($7::text[] is null or part.type = any ($7))
      and ($13::text is null or part.no = -1 and case $13 when 'name' then j.name else j.id::text end = $14)
    union all
    select 'script', s.id, -1, s.updated_at
    from script s
    where s.project_id = $1 and ($2::text is null or s.workspace_id = $2) and s.type = any ($9)
      and s.workspace_id <> all ($17::text[]) and ${mayHold("s.marks", 18)}
      and ($10::text[] is null or coalesce(s.document ->> 'owner', s.created_by) = any ($10))
      and ($11::timestamptz is null or s.updated_at >= $11) and ($12::timestamptz is null or s.updated_at <= $12)
      and lower(concat_ws(E'\\n', s.name, s.document ->> 'description', s.content,
            case when $5 then s.document ->> 'configuration' end))
          like all (array(select lower(p) from unnest($3::text[]) p))
      and ($13::text is null or case $13 when 'name' then s.name else s.id::text end = $14)
  )
  select t.total, h.id, h.no, h.updated_at, coalesce(j.workspace_id, s.workspace_id) as workspace_id,
    coalesce(j.name, s.name) as name, coalesce(j.version, s.version) as version,
    coalesce(j.owner, j.created_by, s.document ->> 'owner', s.created_by) as owner,
    j.kind, j.status <> 'stopped' as in_operation, j.single_node_type, v.definition -> 'parameters' as parameters,
    v.definition -> 'nodes' -> nullif(h.no, -1) as node, s.type
  from (select count(*) as total from hit) t
  left join (select * from hit order by updated_at desc, what, id desc, no offset $15 limit $16) h on true
  left join job j on h.what = 'job' and j.project_id = $1 and j.id = h.id
  left join job_version v on v.project_id = j.project_id and v.job_id = j.id and v.version = j.version
  left join script s on h.what = 'script' and s.project_id = $1 and s.id = h.id
  order by h.updated_at desc, h.what, h.id desc, h.no`;

interface HitRow {
  readonly total: number;
  /** Null, as the rest, in the one row of a page without hits. */
  readonly id: number | null;
  readonly no: number;
  readonly updated_at: Date;
  readonly workspace_id: string;
  readonly name: string;
  readonly version: number;
  readonly owner: string;
  /** Null of a script. */
  readonly kind: JobKind | null;
  readonly in_operation: boolean;
  readonly single_node_type: string | null;
  readonly parameters: readonly JobParameter[];
  readonly node: Pick<JobNode, "name" | "type" | "properties"> | null;
  readonly type: ScriptType;
}

function hitFromRow(row: HitRow): SearchHit[] {
  const { id, workspace_id: workspaceId, name, version, owner, updated_at: updatedAt, kind } = row;
  if (id === null) return [];
  const head = { id, workspaceId, name, version, owner, updatedAt };
  if (kind === null) return [{ ...head, kind: "script", type: row.type }];
  const { in_operation: inOperation, single_node_type: singleNodeType, parameters, node, no } = row;
  return [
    { ...head, kind, inOperation, singleNodeType, parameters, node: node === null ? null : { ...node, no } },
  ];
}
