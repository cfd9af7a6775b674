/** Tries out an expression in a world like a job's, before it is saved. */
import type { LoopTurn, World } from "../domain/expression-world.ts";
import { missing } from "../domain/fault.ts";
import type { Database } from "../store/database.ts";
import { findVersionedJob } from "../store/job-versions.ts";
import { createScope } from "./scope.ts";
import type { WorkSources } from "./sources.ts";
import { outsideOf } from "./work.ts";
import { parameterWorld, zoneOf } from "./world.ts";

/** A text, and what it is to see; times are now, and all else is empty, where they are absent. */
export interface EvaluationRequest {
  readonly projectId: string;
  readonly workspaceId: string;
  readonly text: string;
  /** Whose parameters, zone and calendar count. */
  readonly jobName?: string;
  /** They win over the job's. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly scriptParameters?: Readonly<Record<string, string>>;
  readonly planTime?: Date;
  readonly startTime?: Date;
  /** Instead of the job's. */
  readonly zone?: string;
  readonly nodes?: Readonly<
    Record<string, { readonly status?: "success" | "fail"; readonly output?: string }>
  >;
  readonly loop?: LoopTurn;
  readonly eventData?: string;
  readonly newFiles?: readonly string[];
}

export interface EvaluationOperations {
  /**
   * The text as it would be written for a node.
   * @throws Fault `expression-invalid` with every problem; `job-missing`; `schedule-invalid` for an unknown zone.
   */
  readonly evaluateText: (request: EvaluationRequest) => Promise<string>;
  /** Whether the text holds as a condition. Faults as `evaluateText`. */
  readonly evaluateCondition: (request: EvaluationRequest) => Promise<boolean>;
}

export interface EvaluationDeps {
  readonly pool: Database;
  readonly sources: WorkSources;
  readonly now: () => Date;
  readonly timeZone: string;
}

export function createEvaluationOperations(deps: EvaluationDeps): EvaluationOperations {
  const scopeOf = (request: EvaluationRequest) =>
    createScope(() => trialWorld(deps, request), outsideOf(deps.sources, request));
  return {
    evaluateText: (request) => scopeOf(request).render(request.text),
    evaluateCondition: (request) => scopeOf(request).holds(request.text),
  };
}

async function trialWorld(
  { pool, sources, now, timeZone }: EvaluationDeps,
  request: EvaluationRequest,
): Promise<World> {
  const { jobName, parameters = {}, scriptParameters = {}, nodes = {}, loop, eventData, newFiles } = request;
  const found = jobName === undefined ? undefined : await findVersionedJob(pool, request, jobName);
  if (jobName !== undefined && found === undefined) missing("job-missing", `There is no job "${jobName}".`);
  const arguments_ = new Map(Object.entries(scriptParameters));
  const results = new Map(Object.entries(nodes));
  const time = now();
  return {
    ...parameterWorld(found?.definition, parameters, await sources.loadEnvironment(request)),
    job: {
      name: jobName ?? "",
      projectId: request.projectId,
      ...(eventData !== undefined && { eventData }),
      ...(newFiles !== undefined && { obsNewFiles: newFiles }),
    },
    planTime: request.planTime ?? time,
    startTime: request.startTime ?? time,
    now: time,
    zone: request.zone ?? zoneOf(found?.definition) ?? timeZone,
    scriptParameter: (name) => arguments_.get(name),
    nodeStatus: (name) => results.get(name)?.status,
    nodeOutput: (name) => results.get(name)?.output,
    ...(loop !== undefined && { loop }),
  };
}
