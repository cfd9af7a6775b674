/** The job list as DataArts Factory v1 writes it: query and entries (dataarts-factory 4.4). */
import { type Static, Type } from "typebox";
import { shownAt } from "../../domain/instance.ts";
import type { JobStatus } from "../../domain/job.ts";
import type { JobFilter } from "../../store/job-filters.ts";
import type { JobListing } from "../../store/job-lists.ts";
import { wordOf } from "../query.ts";
import { encodeInstanceState, InstanceStatus } from "./instance-wire.ts";
import { JobAlarms } from "./job-alarm-wire.ts";
import { encodeKind, JOB_KINDS } from "./job-wire.ts";
import { pageMembers } from "./request-wire.ts";
import { Milliseconds, timeMember } from "./time-wire.ts";

/** With pages of at most `pageMax` entries. */
export function jobListQuery(pageMax: number) {
  return Type.Object({
    jobType: wordOf(JOB_KINDS, { default: "BATCH" }),
    jobName: Type.Optional(Type.String({ description: "A part of the name; case counts." })),
    tags: Type.Optional(Type.String({ description: "Tags parted by commas; a job has all of them." })),
    ...pageMembers(pageMax),
  });
}

export type JobListQuery = Static<ReturnType<typeof jobListQuery>>;

export function decodeJobFilter(query: JobListQuery): JobFilter {
  const { jobType, jobName: nameContains = "" } = query;
  const tags = listIn(query.tags);
  return {
    kind: JOB_KINDS[jobType],
    ...(nameContains !== "" && { nameContains }),
    ...(tags.length > 0 && { tags: { names: tags, match: "all" } }),
  };
}

/** What stands between the commas of a query's value, each once; empty texts are none. */
export function listIn(text = ""): string[] {
  const words = text.split(",").map((word) => word.trim());
  return [...new Set(words.filter((word) => word !== ""))];
}

const STATUSES: Readonly<Record<JobStatus, string>> = {
  stopped: "STOPPED",
  scheduling: "SCHEDULING",
  paused: "PAUSED",
  starting: "STARTING",
  normal: "NORMAL",
  exception: "EXCEPTION",
  stopping: "STOPPING",
};

/** An entry of the list. */
export const summaryMembers = {
  name: Type.String(),
  jobType: wordOf(JOB_KINDS),
  owner: Type.Optional(Type.String()),
  priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 2, description: "0 goes first." })),
  status: Type.Enum(Object.values(STATUSES)),
  createUser: Type.String(),
  createTime: Milliseconds,
  startTime: Type.Optional(Milliseconds),
  endTime: Type.Optional(Milliseconds),
  lastInstanceStatus: Type.Optional(InstanceStatus),
  lastInstanceEndTime: Type.Optional(Milliseconds),
  lastUpdateTime: Milliseconds,
  lastUpdateUser: Type.String(),
  path: Type.String({ description: "The job's directory." }),
  singleNodeJobFlag: Type.Boolean(),
};

const JobSummary = Type.Object({ ...summaryMembers, alarms: JobAlarms });

/** A page of the list; `total` counts all that the query chooses. */
export const JobList = Type.Object({ total: Type.Integer({ minimum: 0 }), jobs: Type.Array(JobSummary) });

/** Unknown members are left out: neither null nor 0. */
export function encodeJobSummary(job: JobListing, now: Date): Omit<Static<typeof JobSummary>, "alarms"> {
  return {
    name: job.name,
    jobType: encodeKind(job.kind),
    ...(job.owner !== null && { owner: job.owner }),
    ...(job.priority !== null && { priority: job.priority }),
    status: encodeStatus(job, now),
    createUser: job.createdBy,
    createTime: job.createdAt.getTime(),
    ...timeMember("startTime", job.startsAt),
    ...timeMember("endTime", job.endsAt),
    ...encodeLastInstance(job, now),
    lastUpdateTime: job.updatedAt.getTime(),
    lastUpdateUser: job.updatedBy,
    path: job.directory,
    singleNodeJobFlag: job.singleNode,
  };
}

/** A job that ran once goes on as SCHEDULING for a while, or a client that looks later would wait for it in vain. */
function encodeStatus({ kind, status, schedulingShownUntil }: JobListing, now: Date): string {
  const stillShown =
    kind === "batch" && status === "stopped" && schedulingShownUntil !== null && schedulingShownUntil > now;
  return encodeOperation(stillShown ? "scheduling" : status);
}

/** Whether a job is in operation, in the words of lists. */
export function encodeOperation(status: JobStatus): string {
  return STATUSES[status];
}

function encodeLastInstance({ kind, lastInstance }: JobListing, now: Date) {
  if (kind !== "batch" || lastInstance === null) return {};
  return {
    lastInstanceStatus: encodeInstanceState(shownAt(lastInstance, now).state),
    ...timeMember("lastInstanceEndTime", lastInstance.endedAt),
  };
}
