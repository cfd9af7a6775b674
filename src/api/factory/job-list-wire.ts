/** The job list as DataArts Factory v1 writes it: query and entries (dataarts-factory 4.4). */
import { shownAt } from "../../domain/instance.ts";
import type { JobStatus } from "../../domain/job.ts";
import type { JobFilter, JobListing } from "../../store/job-lists.ts";
import { firstOf, type Query } from "../route.ts";
import { encodeInstanceState } from "./instance-wire.ts";
import { encodeKind, JOB_KINDS } from "./job-wire.ts";
import { meaningOf, type WireObject } from "./request-wire.ts";
import { timeMember } from "./time-wire.ts";

/** Raises `request-invalid` for a `jobType` that is none. */
export function decodeJobFilter(query: Query): JobFilter {
  const nameContains = firstOf(query, "jobName") ?? "";
  const tags = (firstOf(query, "tags") ?? "")
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
  return {
    kind: meaningOf(query, "jobType", JOB_KINDS, "batch"),
    ...(nameContains !== "" && { nameContains }),
    ...(tags.length > 0 && { tags: [...new Set(tags)] }),
  };
}

/** Unknown members are left out: neither null nor 0. */
export function encodeJobSummary(job: JobListing, now: Date): WireObject {
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

const STATUSES: Readonly<Record<JobStatus, string>> = {
  stopped: "STOPPED",
  scheduling: "SCHEDULING",
  paused: "PAUSED",
  starting: "STARTING",
  normal: "NORMAL",
  exception: "EXCEPTION",
  stopping: "STOPPING",
};

/** A job that ran once goes on as SCHEDULING for a while, or a client that looks later would wait for it in vain. */
function encodeStatus({ kind, status, schedulingShownUntil }: JobListing, now: Date): string {
  const stillShown =
    kind === "batch" && status === "stopped" && schedulingShownUntil !== null && schedulingShownUntil > now;
  return STATUSES[stillShown ? "scheduling" : status];
}

function encodeLastInstance({ kind, lastInstance }: JobListing, now: Date): WireObject {
  if (kind !== "batch" || lastInstance === null) return {};
  return {
    lastInstanceStatus: encodeInstanceState(shownAt(lastInstance, now).state),
    ...timeMember("lastInstanceEndTime", lastInstance.endedAt),
  };
}
