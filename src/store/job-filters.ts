/** Jobs chosen by several things at once: each is a condition, and the database chooses which index leads. */
import type { JobKind, JobStatus } from "../domain/job.ts";
import type { ConnectionUse } from "../domain/job-use.ts";
import type { Page } from "../domain/page.ts";
import { type Database, query } from "./database.ts";
import { PIECE_LENGTH, piecesOf } from "./name-parts.ts";
import type { WorkspaceKey } from "./workspaces.ts";

export interface JobFilter {
  /** Absent: both. */
  readonly kind?: JobKind;
  /** Any part of the name; case matters. */
  readonly nameContains?: string;
  readonly tags?: {
    readonly names: readonly string[];
    /** Whether the job has all of them, or any. */
    readonly match: "all" | "any";
  };
  readonly ids?: readonly number[];
  readonly statuses?: {
    readonly shown: readonly JobStatus[];
    /** Decides what is shown as `scheduling` still. */
    readonly at: Date;
  };
  /** Words of domain/job-use.ts; the job has all of them. */
  readonly uses?: readonly string[];
  /** For each, the job uses a connection of the type so. */
  readonly usedTypes?: readonly { readonly use: ConnectionUse; readonly type: string }[];
}

/**
 * The ids of a page, newest first, and how many jobs the filter chooses in all. All that it chooses is found first: a walk
 * that stops with the page would pass through the whole list where few are chosen.
 */
export async function findFilteredJobs(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  filter: JobFilter,
  { offset, limit }: Page,
): Promise<{ readonly ids: readonly number[]; readonly total: number }> {
  const values: unknown[] = [projectId, workspaceId, offset, limit];
  const conditions = conditionsOf(filter);
  const texts = conditions.map(({ text, value }) => text.replaceAll("$n", `$${values.push(value)}`));
  const rows = await query<{ ids: number[]; total: number }>(
    db,
    `find-jobs-by-${conditions.map(({ key }) => key).join("-")}`,
    `with found as materialized (
       select id from job where project_id = $1 and workspace_id = $2 and ${texts.join(" and ")}
     )
     select (select count(*) from found) as total,
       array(select id from found order by id desc offset $3 limit $4) as ids`,
    values,
  );
  return rows[0] ?? { ids: [], total: 0 };
}

/** A condition on the job table; `$n` stands for its value, `$1` and `$2` for project and workspace. */
interface Condition {
  /** Short, as names of statements are. */
  readonly key: string;
  readonly text: string;
  readonly value: unknown;
}

function conditionsOf({
  kind,
  nameContains = "",
  tags,
  ids,
  statuses,
  uses = [],
  usedTypes = [],
}: JobFilter): Condition[] {
  return [
    { key: "kind", text: "kind = any ($n)", value: kindsOf(kind) },
    ...(nameContains === "" ? [] : nameConditions(nameContains)),
    ...(tags === undefined ? [] : [tagCondition(tags)]),
    ...(ids === undefined ? [] : [{ key: "id", text: "id = any ($n)", value: ids }]),
    ...(statuses === undefined ? [] : statusConditions(statuses)),
    ...(uses.length === 0 ? [] : [useCondition("use", "@>", "$n", uses)]),
    ...usedTypes.map(({ use, type }) => useCondition(`${use}-type`, "&&", wordsOfType(use), type)),
  ];
}

function useCondition(key: string, operator: "@>" | "&&", words: string, value: unknown): Condition {
  const keys = `list_keys(project_id, workspace_id, uses) ${operator} list_keys($1, $2, ${words})`;
  return { key, text: `uses <> '{}' and uses ${operator} ${words} and ${keys}`, value };
}

function wordsOfType(use: ConnectionUse): string {
  return `array(
    select '${use}/' || c.name from connection c
    where c.project_id = $1 and c.workspace_id = $2 and c.type = $n
  )`;
}

/** All kinds that lists show, or the one. */
export function kindsOf(kind: JobKind | undefined): readonly JobKind[] {
  return kind === undefined ? ["batch", "real-time"] : [kind];
}

function nameConditions(part: string): Condition[] {
  const exact = { key: "name", text: "strpos(name, $n) > 0", value: part };
  if (part.length < PIECE_LENGTH) return [exact];
  const keys = eachKind((list) => `name_keys(project_id, workspace_id || '/' || kind, name) @> ${list}`);
  return [exact, { key: "piece", text: keys, value: piecesOf(part) }];
}

function tagCondition({ names, match }: NonNullable<JobFilter["tags"]>): Condition {
  const operator = match === "all" ? "@>" : "&&";
  const keys = eachKind(
    (list) => `list_keys(project_id, workspace_id || '/' || kind, tags) ${operator} ${list}`,
  );
  return { key: `${match}-tag`, text: `tags <> '{}' and tags ${operator} $n and ${keys}`, value: names };
}

/** The keys of names and tags hold the kind too. */
function eachKind(condition: (keys: string) => string): string {
  const kinds = kindsOf(undefined).map((kind) => condition(`list_keys($1, $2 || '/${kind}', $n)`));
  return `(${kinds.join(" or ")})`;
}

/** A job that ran once is shown as scheduling for a while (dataarts-factory 4.5). */
function statusConditions({ shown, at }: NonNullable<JobFilter["statuses"]>): Condition[] {
  const kept: readonly JobStatus[] = shown.includes("scheduling") ? [...shown, "stopped"] : shown;
  const late = "kind = 'batch' and status = 'stopped' and coalesce(scheduling_shown_until > $n, false)";
  const conditions = [{ key: "status", text: "status = any ($n)", value: kept }];
  if (shown.includes("scheduling") === shown.includes("stopped")) return conditions;
  const text = shown.includes("stopped") ? `not (${late})` : `(status <> 'stopped' or ${late})`;
  return [...conditions, { key: shown.includes("stopped") ? "not-late" : "late", text, value: at }];
}
