/** Jobs as DataArts Factory v2 writes them: bodies that become definitions in the words of v1 (dataarts-factory 5). */
import { type Static, Type } from "typebox";
import type { JobDraft } from "../../catalog/jobs.ts";
import { invalid } from "../../domain/fault.ts";
import { NODES_MAX } from "../../domain/job.ts";
import { checkSchema } from "../check-schema.ts";
import {
  approverMembers,
  approversOf,
  basicMembers,
  Expression,
  jobMembers,
  NodeNames,
  nodeMembers,
  Owner,
  Tags,
} from "./job-schema.ts";
import { decodeJob, refuse, refuseHead } from "./job-wire.ts";
import { objectBody, readBody, type WireObject, withoutNulls } from "./request-wire.ts";
import {
  Concurrent,
  cronMembers,
  DependNames,
  dependMembers,
  eventMembers,
  IntervalType,
  Period,
  type ScheduleContext,
  ScheduleType,
} from "./schedule-wire.ts";
import { snakeMembers, withCamelNames } from "./snake-names.ts";

const DEPEND_LISTS_MAX = 100;

const DependJobs = Type.Object({ jobs: DependNames, ...snakeMembers(dependMembers) });

const Cron = Type.Object({
  ...snakeMembers(cronMembers),
  period: Type.Optional(Period),
  interval_type: IntervalType,
  depend_jobs: Type.Optional(Type.Array(DependJobs, { maxItems: DEPEND_LISTS_MAX })),
});

const CronTrigger = Type.Object({ ...Cron.properties, period: Period, concurrent: Concurrent });

const Event = Type.Object(snakeMembers(eventMembers));

const Schedule = Type.Object({
  type: ScheduleType,
  cron: Type.Optional(Cron),
  event: Type.Optional(Event),
});

const Node = Type.Object({
  ...snakeMembers(nodeMembers),
  pre_node_names: NodeNames,
  conditions: Type.Optional(
    Type.Array(Type.Object({ pre_node_name: Type.String(), expression: Expression }), {
      maxItems: NODES_MAX,
    }),
  ),
  event_trigger: Type.Optional(Event),
  cron_trigger: Type.Optional(CronTrigger),
});

/** The same as a number, and as a text: what the SDK has at the top of a job. */
const Priority = Type.Union([basicMembers.priority, Type.Enum(["0", "1", "2"])]);

export const JobBodyV2 = Type.Object({
  ...snakeMembers(jobMembers),
  schedule: Schedule,
  nodes: Type.Optional(Type.Array(Node)),
  owner: Type.Optional(Owner),
  priority: Type.Optional(Priority),
  create_user: Type.Optional(Type.String({ maxLength: 256, description: "Kept; the caller counts." })),
  basic_config: Type.Optional(Type.Object(snakeMembers(basicMembers))),
  approvers: approversOf(Type.Object(snakeMembers(approverMembers))),
});

/** Reads the body of a create. Faults as `decodeJob`. */
export function decodeJobV2(body: unknown, context: ScheduleContext): JobDraft {
  const given = withoutNulls(objectBody(body)) as WireObject;
  refuseHead({ ...given, processType: given.process_type });
  refuse(checkSchema(JobBodyV2, given));
  return decodeJob(documentOf(given as Static<typeof JobBodyV2>), context); // The schema has just been held against it.
}

/** In the words of v1, in which a job is kept whatever it came in. */
function documentOf({
  schedule,
  nodes,
  owner,
  priority,
  basic_config: basic = {},
  ...members
}: Static<typeof JobBodyV2>): WireObject {
  const basicConfig = withCamelNames({
    ...(owner !== undefined && { owner }),
    ...(priority !== undefined && { priority: Number(priority) }),
    ...basic,
  });
  const { cron, event, ...rest } = schedule;
  return {
    ...withCamelNames(members),
    schedule: {
      ...withCamelNames(rest),
      ...(cron !== undefined && { cron: withInterval(cronOf(cron)) }),
      ...(event !== undefined && { event: withCamelNames(event) }),
    },
    ...(nodes !== undefined && { nodes: nodes.map(nodeOf) }),
    ...(Object.keys(basicConfig).length > 0 && { basicConfig }),
  };
}

function nodeOf({ pre_node_names: names, cron_trigger: cron, ...members }: Static<typeof Node>): WireObject {
  return {
    ...withCamelNames(members),
    ...(names !== undefined && { preNodeName: names }),
    ...(cron !== undefined && { cronTrigger: cronOf(cron) }),
  };
}

function cronOf({ depend_jobs: depends = [], ...members }: Static<typeof Cron>): WireObject {
  return {
    ...withCamelNames(members),
    ...(depends.length > 0 && { dependJobs: dependJobsOf(depends) }),
  };
}

/** A schedule says what its periods are; here that is the unit of how often it fires. */
function withInterval(cron: WireObject): WireObject {
  const { period, intervalType } = cron;
  if (typeof period !== "string" || intervalType !== undefined) return cron;
  const [, unit = ""] = period.split(" ");
  return { ...cron, intervalType: unit.endsWith("s") ? unit : `${unit}s` };
}

/** v1 has one object, which speaks for all jobs like the first list of v2; jobs of the others speak for themselves. */
function dependJobsOf(depends: readonly Static<typeof DependJobs>[]): WireObject {
  const [first, ...others] = depends;
  const { depend_period: period, depend_fail_policy: policy } = first ?? {};
  const single = others
    .filter((list) => list.depend_period !== period || list.depend_fail_policy !== policy)
    .flatMap((list) =>
      list.jobs.map((jobName) => ({
        jobName,
        dependOnLastPeriod: list.depend_period === "PRE_PERIOD",
        dependFailPolicy: list.depend_fail_policy ?? "FAIL",
      })),
    );
  return {
    jobs: [...new Set(depends.flatMap(({ jobs }) => jobs))],
    ...(period !== undefined && { dependPeriod: period }),
    ...(policy !== undefined && { dependFailPolicy: policy }),
    ...(single.length > 0 && { sameWorkSpaceJobs: single }),
  };
}

export const RenameBody = Type.Object({ name: Type.String() });

/** Raises `job-name-missing` for none, `request-invalid` for what is no text. */
export function decodeNewName(body: unknown): string {
  const { name } = objectBody(body);
  if ((name ?? "") === "") invalid("job-name-missing", ["name: must be given"]);
  return readBody(RenameBody, body).name;
}

export const TagsBody = Type.Object({ tag_names: Tags });

/** The tags that a job is to have, each once. Raises `request-invalid`. */
export function decodeTags(body: unknown): string[] {
  return [...new Set(readBody(TagsBody, body).tag_names)];
}

/** The vendor's `status_code` beside it says nothing that the status does not. */
export const Done = Type.Object({ is_success: Type.Boolean() });
