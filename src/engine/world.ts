/** The world of an instance's node: what its expressions can see. */
import type { World } from "../domain/expression-world.ts";
import type { JobDefinition, JobNode } from "../domain/job.ts";
import { runningDataOf } from "../domain/running-data.ts";
import type { Database } from "../store/database.ts";
import { findInstanceEvent } from "../store/event-sources.ts";
import { type Claim, listResults, type NodeResult } from "../store/node-runs.ts";
import type { InstanceFacts } from "./definitions.ts";
import type { WorkSources } from "./sources.ts";

export interface WorldDeps {
  readonly db: Database;
  readonly sources: WorkSources;
  readonly now: () => Date;
  /** Of expressions in jobs whose schedule names none. */
  readonly zone: string;
}

/** The world in which a node's texts are resolved, as it is now. */
export async function loadWorld(
  { db, sources, now, zone }: WorldDeps,
  { claim, facts, node }: { readonly claim: Claim; readonly facts: InstanceFacts; readonly node: JobNode },
): Promise<World> {
  const { instance, pinned } = facts;
  const { projectId, workspaceId } = instance;
  const numbers = new Map(pinned?.nodes.map(({ name }, nodeNo) => [name, nodeNo]));
  const before = node.after.flatMap((name) => numbers.get(name) ?? []);
  const results = await listResults(db, { projectId, instanceId: claim.instanceId, outputsOf: before });
  const event = instance.origin === "event" ? await findInstanceEvent(db, projectId, instance.id) : undefined;
  const of = (name: string) => results[numbers.get(name) ?? -1];
  return {
    ...parameterWorld(
      pinned?.definition,
      instance.parameters,
      await sources.loadEnvironment({ projectId, workspaceId }),
    ),
    job: {
      name: instance.jobName,
      projectId,
      ...(event !== undefined && { eventData: event.data, obsNewFiles: event.files }),
    },
    planTime: instance.plannedAt,
    startTime: instance.startedAt ?? instance.createdAt,
    now: now(),
    zone: zoneOf(pinned?.definition) ?? zone,
    scriptParameter: () => undefined,
    nodeStatus: (name) => STATUS[of(name)?.state ?? ""],
    nodeOutput: (name) => (node.after.includes(name) ? (of(name)?.output ?? undefined) : undefined),
    runningData: (name) => runningDataTextOf(of(name)),
    insertJobId: (name) => workIdOf(claim.instanceId, of(name ?? node.after.at(-1) ?? "")),
  };
}

/** `${name}`: values of the run go before those of the job, and these before the workspace's variables. */
export function parameterWorld(
  definition: JobDefinition | undefined,
  given: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>>,
): Pick<World, "jobParameter" | "environment" | "ownCalendar"> {
  const environment = new Map(Object.entries(variables));
  const parameters = new Map(definition?.parameters.map(({ name, value }) => [name, value]));
  for (const [name, value] of Object.entries(given)) parameters.set(name, value);
  const ownCalendar = definition?.settings?.calendar;
  return {
    jobParameter: (name) => parameters.get(name),
    environment: (name) => environment.get(name),
    ...(ownCalendar !== undefined && { ownCalendar }),
  };
}

/** The zone of a job's schedule. */
export function zoneOf(definition: JobDefinition | undefined): string | undefined {
  return definition?.schedule.type === "cron" ? definition.schedule.cron?.zone : undefined;
}

const STATUS: Readonly<Record<string, "success" | "fail">> = { succeeded: "success", failed: "fail" };

/** As JSON; undefined before the first attempt. */
function runningDataTextOf(result: NodeResult | undefined): string | undefined {
  return result === undefined || result.attempt === 0 ? undefined : JSON.stringify(runningDataOf(result));
}

/** The id under which the work of a node's last attempt is known to engines outside. */
function workIdOf(instanceId: number, result: NodeResult | undefined): string | undefined {
  return result === undefined || result.attempt === 0 ? undefined : workId(instanceId, result);
}

/** Same for every try to do an attempt, different for every other. */
export function workId(
  instanceId: number,
  { nodeNo, attempt }: { readonly nodeNo: number; readonly attempt: number },
): string {
  return `${instanceId}-${nodeNo}-${attempt}`;
}
