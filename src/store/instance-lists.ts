/** Lists of instances, with exact totals, at any size: what is counted already is read, the rest is counted then. */
import type { Instance, InstanceOrigin } from "../domain/instance.ts";
import type { Page } from "../domain/page.ts";
import type { InstanceState } from "../domain/states.ts";
import { type Database, query } from "./database.ts";
import { findFirstIdSince } from "./history.ts";
import { type CountedScope, countInstancesOf, findPlace, listInstancesAt } from "./instance-blocks.ts";
import { countInstancesOfJobs, type JobChoice, listInstancesOfJobs } from "./instance-tallies.ts";
import { INSTANCE_COLUMNS } from "./instances.ts";

/** Which instances of jobs a list shows. Instances of deleted jobs and those without a job are in no list. */
export interface InstanceFilter {
  readonly workspaceId: string;
  readonly jobId?: number;
  /** Whole or part; letter case counts. */
  readonly jobName?: { readonly text: string; readonly whole: boolean };
  /** Both ends belong to the range. */
  readonly plannedFrom?: Date;
  readonly plannedTo?: Date;
  readonly states?: readonly InstanceState[];
  readonly origins?: readonly InstanceOrigin[];
  readonly forceSuccess?: boolean;
  readonly ignoreSuccess?: boolean;
}

/** A page, and how many the filter lets through. */
interface Listed {
  readonly instances: Instance[];
  readonly total: number;
}

/** Newest first, by id; `total` counts all that the filter lets through. */
export async function listInstances(
  db: Database,
  projectId: string,
  filter: InstanceFilter,
  page: Page,
): Promise<Listed> {
  const { workspaceId, plannedFrom, plannedTo, origins } = filter;
  const fromId = plannedFrom === undefined ? 0 : await findFirstIdSince(db, plannedFrom);
  const scope = { projectId, workspaceId, plannedFrom, plannedTo, origins, fromId };
  const { states, forceSuccess, ignoreSuccess } = filter;
  if (states !== undefined || forceSuccess !== undefined || ignoreSuccess !== undefined)
    return await listByState(db, scope, filter, page);
  const choice = choiceOf(filter);
  return choice === undefined ? await listAll(db, scope, page) : await listByJobs(db, scope, choice, page);
}

function choiceOf({ jobId, jobName }: InstanceFilter): JobChoice | undefined {
  if (jobId !== undefined) return { jobId };
  return jobName === undefined ? undefined : { name: jobName };
}

async function listAll(db: Database, scope: CountedScope, page: Page): Promise<Listed> {
  const counts = await countInstancesOf(db, scope);
  const { total } = counts;
  if (page.offset >= total) return { instances: [], total };
  const place = await findPlace(db, scope, counts, page);
  return { instances: await listInstancesAt(db, scope, place, page.limit), total };
}

async function listByJobs(db: Database, scope: CountedScope, choice: JobChoice, page: Page): Promise<Listed> {
  const countRange = async () => (await countInstancesOf(db, scope)).total;
  const { total, ...counts } = await countInstancesOfJobs(db, scope, choice, countRange);
  if (page.offset >= total) return { instances: [], total };
  return { instances: await listInstancesOfJobs(db, scope, choice, { ...counts, page }), total };
}

/** Neither is an index for: nearly all runs are in these two states. */
const USUAL: readonly InstanceState[] = ["running", "succeeded"];
const UNENDED: readonly InstanceState[] = ["running", "failing", "stopping"];

async function listByState(
  db: Database,
  scope: CountedScope,
  filter: InstanceFilter,
  page: Page,
): Promise<Listed> {
  const { where, values } = whereOf(scope, filter);
  const succeeded = isSucceededAlone(filter) && choiceOf(filter) === undefined;
  const total = succeeded
    ? await countSucceeded(db, scope)
    : await countRows(db, `count-instances-${where.name}`, where.text, values);
  if (page.offset >= total) return { instances: [], total };
  // Ids alone: an index holds them and what is asked of them, so that all of them can be put in order.
  const rows = await query<{ readonly id: number }>(
    db,
    `list-instance-ids-${where.name}`,
    `select i.id from instance i where ${where.text}
     order by i.id desc limit $${values.length + 1} offset $${values.length + 2}`,
    [...values, page.limit, page.offset],
  );
  const ids = rows.map(({ id }) => id);
  return { instances: ids.length === 0 ? [] : await readInstances(db, scope.projectId, ids), total };
}

/** Newest first. */
async function readInstances(db: Database, projectId: string, ids: readonly number[]): Promise<Instance[]> {
  return await query<Instance>(
    db,
    "read-instances",
    `select ${INSTANCE_COLUMNS} from unnest($2::bigint[]) as g (id)
     join instance i on i.project_id = $1 and i.id = g.id and i.id >= $3 and i.id <= $4
     order by i.id desc`,
    // The ends keep other partitions out of the plan.
    [projectId, ids, Math.min(...ids), Math.max(...ids)],
  );
}

function isSucceededAlone({ states, forceSuccess, ignoreSuccess }: InstanceFilter): boolean {
  return (
    states?.length === 1 &&
    states[0] === "succeeded" &&
    forceSuccess === undefined &&
    ignoreSuccess === undefined
  );
}

/** All but those that did not. */
async function countSucceeded(db: Database, scope: CountedScope): Promise<number> {
  const count = async (name: string, text: string) => {
    const { where, values } = whereOf(scope, { workspaceId: scope.workspaceId });
    return await countRows(db, `count-instances-${name}-${where.name}`, `${where.text} and ${text}`, values);
  };
  const { total } = await countInstancesOf(db, scope);
  const unusual = await count("unusual", "i.state <> 'running' and i.state <> 'succeeded'");
  return total - unusual - (await count("running", "i.state = 'running' and i.ended_at is null"));
}

async function countRows(
  db: Database,
  name: string,
  text: string,
  values: readonly unknown[],
): Promise<number> {
  const rows = await query<{ readonly total: number }>(
    db,
    name,
    `select count(*) as total from instance i where ${text}`,
    values,
  );
  return rows[0]?.total ?? 0;
}

/** The conditions that the filter asks for; its name says which they are, so each combination is one named statement. */
function whereOf(
  { projectId, workspaceId, plannedFrom, plannedTo, origins, fromId }: CountedScope,
  { jobId, jobName, states, forceSuccess, ignoreSuccess }: InstanceFilter,
): { readonly where: { readonly name: string; readonly text: string }; readonly values: unknown[] } {
  const parts: readonly (readonly [name: string, text: string, value: unknown])[] = [
    ["j", "i.job_id = ?", jobId],
    ["n", "i.job_name = ?", jobName?.whole === true ? jobName.text : undefined],
    ["m", "strpos(i.job_name, ?) > 0", jobName?.whole === false ? jobName.text : undefined],
    ["f", "i.planned_at >= ?", plannedFrom],
    ["i", "i.id >= ?", fromId === 0 ? undefined : fromId],
    ["t", "i.planned_at <= ?", plannedTo],
    ["s", "i.state = any (?)", states],
    ["o", "i.origin = any (?)", origins],
    ["x", "i.force_success = ?", forceSuccess],
    ["y", "i.ignore_success = ?", ignoreSuccess],
  ];
  // Said in words that partial indexes are about.
  const hints: readonly (readonly [name: string, text: string, holds: boolean | undefined])[] = [
    [
      "U",
      "i.state <> 'running' and i.state <> 'succeeded'",
      states?.every((state) => !USUAL.includes(state)),
    ],
    ["E", "i.ended_at is null", states?.every((state) => UNENDED.includes(state))],
    ["M", "(i.force_success or i.ignore_success)", forceSuccess === true || ignoreSuccess === true],
  ];
  const used = parts.filter(([, , value]) => value !== undefined);
  const hinted = hints.filter(([, , holds]) => holds);
  const texts = used.map(([, text], index) => text.replace("?", `$${index + 3}`));
  return {
    where: {
      name: [...used, ...hinted].map(([name]) => name).join(""),
      text: [
        "i.project_id = $1 and i.workspace_id = $2",
        "exists (select from job j where j.project_id = i.project_id and j.id = i.job_id)",
        ...texts,
        ...hinted.map(([, text]) => text),
      ].join(" and "),
    },
    values: [projectId, workspaceId, ...used.map(([, , value]) => value)],
  };
}
