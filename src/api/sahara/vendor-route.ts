/** How the routes of the vendor's own calls are declared, and what they share on the wire. */
import { Fault } from "../../domain/fault.ts";
import type { JobExecution } from "../../domain/job-execution.ts";
import type { InstanceState } from "../../domain/states.ts";
import type { Role } from "../../domain/user.ts";
import type { VendorRun } from "../../domain/vendor-run.ts";
import {
  type CallerRequest,
  firstOf,
  type GuardedRoute,
  type Method,
  type Query,
  type Reply,
} from "../route.ts";

/** A run that the vendor's calls made. */
export type VendorExecution = JobExecution & { readonly vendor: VendorRun };

type Handle = (request: CallerRequest) => Promise<Reply>;

/** `path` is the whole path: the vendor's calls stand in both versions of the API. */
export function vendorRoute(method: Method, path: string, role: Role, handle: Handle): GuardedRoute {
  return { method, path, role, handle };
}

/** Names of vendor's runs are not unique. Source: mrs-v1.1 8. */
export const RUN_NAME_PATTERN = "^[A-Za-z0-9_-]{1,64}$";

/** The runs among `runs` that are the vendor's, as their type says. */
export function vendorRuns(runs: readonly JobExecution[]): VendorExecution[] {
  return runs.flatMap((run) => (run.vendor === null ? [] : [{ ...run, vendor: run.vendor }]));
}

/** As `vendorRuns`, of one. Raises `job-execution-missing`. */
export function asVendorRun(run: JobExecution): VendorExecution {
  const [found] = vendorRuns([run]);
  if (found === undefined)
    throw new Fault("not-found", "job-execution-missing", "there is no such job execution");
  return found;
}

/** A whole number of the query within its range, which a client may send as text. Raises `request-invalid`. */
export function wholeNumber(
  query: Query,
  name: string,
  { least, most, fallback }: { readonly least: number; readonly most: number; readonly fallback: number },
): number {
  const text = firstOf(query, name) ?? "";
  if (text === "") return fallback;
  const value = Number(text);
  if (/^\d{1,15}$/.test(text) && value >= least && value <= most) return value;
  throw new Fault("invalid", "request-invalid", `${name} must be a whole number from ${least} to ${most}`);
}

/** A text of the query; undefined where it is empty. */
export function textOf(query: Query, name: string): string | undefined {
  return firstOf(query, name) || undefined;
}

/** Whole seconds, or milliseconds, since 1970. */
export function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}

/** What both versions say of a state, each in its own words. Source: mrs-v1.1 8. */
export type RunPhase = "waiting" | "running" | "succeeded" | "failed" | "cancelled";

export const PHASES: Readonly<Record<InstanceState, RunPhase>> = {
  waiting: "waiting",
  frozen: "waiting",
  running: "running",
  failing: "running",
  stopping: "running",
  paused: "running",
  suspended: "running",
  succeeded: "succeeded",
  failed: "failed",
  stopped: "cancelled",
  skipped: "cancelled",
};

/** The states that fit `isWanted`. */
export function statesWhere(isWanted: (phase: RunPhase) => boolean): InstanceState[] {
  const states = Object.keys(PHASES) as InstanceState[]; // the keys of the record are the states
  return states.filter((state) => isWanted(PHASES[state]));
}
