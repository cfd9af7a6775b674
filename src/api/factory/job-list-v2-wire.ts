/** The job list as DataArts Factory v2 writes it: query and entries (dataarts-factory 5). */
import { type Static, Type } from "typebox";
import type { JobStatus } from "../../domain/job.ts";
import { connectionWord } from "../../domain/job-use.ts";
import type { JobFilter } from "../../store/job-filters.ts";
import type { JobListing } from "../../store/job-lists.ts";
import { wordOf } from "../query.ts";
import { JobAlarms } from "./job-alarm-wire.ts";
import { encodeJobSummary, listIn, summaryMembers } from "./job-list-wire.ts";
import { JOB_KINDS } from "./job-wire.ts";
import { pageMembers } from "./request-wire.ts";
import { snakeMembers, withSnakeNames } from "./snake-names.ts";

/** Some states have two words in the vendor's documents. */
const STATUSES: Readonly<Record<string, JobStatus>> = {
  SCHEDULING: "scheduling",
  STOPPED: "stopped",
  PAUSED: "paused",
  PAUSE: "paused",
  STARTING: "starting",
  NORMAL: "normal",
  EXCEPTION: "exception",
  ABNORMAL: "exception",
  STOPPING: "stopping",
};
const STATUS = `(${Object.keys(STATUSES).join("|")})`;

const text = (description: string) => Type.Optional(Type.String({ description }));

/** With pages of at most `pageMax` entries. */
export function jobListQueryV2(pageMax: number) {
  return Type.Object({
    ...pageMembers(pageMax),
    job_type: Type.Optional(wordOf(JOB_KINDS, { description: "Both where it is absent." })),
    job_name: text("A part of the name; case counts."),
    job_id: Type.Optional(
      Type.String({
        pattern: "^([0-9]{1,19}(,[0-9]{1,19}){0,49})?$",
        maxLength: 1000,
        description: "At most 50 ids parted by commas.",
      }),
    ),
    status: Type.Optional(
      Type.String({
        pattern: `^(${STATUS}(,${STATUS}){0,19})?$`,
        description: "States parted by commas, one of which a job has.",
      }),
    ),
    need_alarms: Type.Boolean({ default: false, description: "Whether entries have `alarms`." }),
    tags: text("Tags parted by commas."),
    match_all_tags: Type.Boolean({
      default: false,
      description: "Whether a job has all of the tags, or any.",
    }),
    connection_name: text("A connection that a node uses."),
    source_type: text("Type of a connection that data is moved from."),
    source_name: text("A connection that data is moved from."),
    sink_type: text("Type of a connection that data is moved to."),
    sink_name: text("A connection that data is moved to."),
  });
}

export type JobListQueryV2 = Static<ReturnType<typeof jobListQueryV2>>;

export function decodeJobFilterV2(query: JobListQueryV2, now: Date): JobFilter {
  const { job_type: type, job_name: nameContains = "", match_all_tags: all } = query;
  const [ids, statuses, tags] = [listIn(query.job_id), listIn(query.status), listIn(query.tags)];
  return {
    ...(type !== undefined && { kind: JOB_KINDS[type] }),
    ...(nameContains !== "" && { nameContains }),
    // An id beyond them was never given.
    ...(ids.length > 0 && { ids: ids.map(Number).filter(Number.isSafeInteger) }),
    ...(statuses.length > 0 && {
      statuses: { shown: [...new Set(statuses.flatMap((word) => STATUSES[word] ?? []))], at: now },
    }),
    ...(tags.length > 0 && { tags: { names: tags, match: all ? "all" : "any" } }),
    ...decodeUses(query),
  };
}

function decodeUses(query: JobListQueryV2): Pick<JobFilter, "uses" | "usedTypes"> {
  const named = [
    ["connection", query.connection_name],
    ["source", query.source_name],
    ["sink", query.sink_name],
  ] as const;
  const typed = [
    ["source", query.source_type],
    ["sink", query.sink_type],
  ] as const;
  const uses = named.flatMap(([use, name = ""]) => (name === "" ? [] : [connectionWord(use, name)]));
  const usedTypes = typed.flatMap(([use, type = ""]) => (type === "" ? [] : [{ use, type }]));
  return { ...(uses.length > 0 && { uses }), ...(usedTypes.length > 0 && { usedTypes }) };
}

const JobEntry = Type.Object({
  ...snakeMembers(summaryMembers),
  /** With the vendor's names, which are not in snake case. */
  alarms: Type.Optional(JobAlarms),
  single_node_job_type: Type.Optional(Type.String()),
  empty_running_job: Type.Enum(["0", "1"]),
  next_plan_time: Type.Optional(Type.String({ description: "13 digits: milliseconds, as text." })),
});

/** A page of the list; `total` counts all that the query chooses. */
export const JobListV2 = Type.Object({ total: Type.Integer({ minimum: 0 }), jobs: Type.Array(JobEntry) });

/** Unknown members are left out: neither null nor 0. */
export function encodeJobEntry(job: JobListing, now: Date) {
  return {
    ...withSnakeNames(encodeJobSummary(job, now)),
    ...(job.singleNodeType !== null && { single_node_job_type: job.singleNodeType }),
    empty_running_job: job.dryRun ? "1" : "0",
    ...(job.nextPlannedAt !== null && { next_plan_time: String(job.nextPlannedAt.getTime()) }),
  };
}
