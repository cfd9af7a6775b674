/** The schemas of job definitions, v1's words; v2's are made of the same members (dataarts-factory 4.1, 5). */
import { type TObject, Type } from "typebox";
import { NODES_MAX } from "../../domain/job.ts";
import { CronTrigger, Event, Schedule } from "./schedule-wire.ts";

const PARAMETERS_MAX = 1000;
const PROPERTIES_MAX = 1000;
const TAGS_MAX = 100;
const DESCRIPTION_MAX = 1024;
const APPROVERS_MAX = 100;

/** Numbers from Go clients, texts such as `"-45.5"` from the older SDK; a client leaves out a zero. */
const Coordinate = Type.Optional(
  Type.Union([Type.Number(), Type.String({ pattern: "^-?[0-9]+([.][0-9]+)?$", maxLength: 32 })]),
);

/** A client leaves out an empty value (dataarts-factory 8). */
const Property = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 256 }),
  value: Type.Optional(Type.String()),
});

/** What a condition says beside the node that it looks at. */
export const Expression = Type.String({ maxLength: 10_000 });

/** A node's names of others, for which it waits. */
export const NodeNames = Type.Optional(Type.Array(Type.String(), { maxItems: NODES_MAX }));

/** A node but for what it waits for and what triggers it. */
export const nodeMembers = {
  name: Type.String(),
  type: Type.String({ minLength: 1, maxLength: 128 }),
  location: Type.Object({ x: Coordinate, y: Coordinate }),
  properties: Type.Optional(Type.Array(Property, { maxItems: PROPERTIES_MAX })),
  pollingInterval: Type.Optional(Type.Integer({ minimum: 1, maximum: 60 })),
  maxExecutionTime: Type.Optional(Type.Integer({ minimum: 5, maximum: 1440 })),
  retryTimes: Type.Optional(Type.Integer({ minimum: 0, maximum: 5 })),
  retryInterval: Type.Optional(Type.Integer({ minimum: 5, maximum: 120 })),
  execTimeOutRetry: Type.Optional(Type.Enum(["true", "false"])),
  failPolicy: Type.Optional(Type.Enum(["FAIL", "IGNORE", "SUSPEND", "FAIL_CHILD"])),
};

export const Node = Type.Object({
  ...nodeMembers,
  preNodeName: NodeNames,
  conditions: Type.Optional(
    Type.Array(Type.Object({ preNodeName: Type.String(), expression: Expression }), { maxItems: NODES_MAX }),
  ),
  eventTrigger: Type.Optional(Event),
  cronTrigger: Type.Optional(CronTrigger),
});

/** A parameter of a job or of one run of it; a client leaves out an empty value. */
export const Parameter = Type.Object({
  name: Type.String(),
  value: Type.Optional(Type.String()),
  type: Type.Optional(Type.Enum(["variable", "constants", "procedure"])),
});

export const Owner = Type.String({ maxLength: 128 });
export const Tags = Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { maxItems: TAGS_MAX });

export const basicMembers = {
  owner: Type.Optional(Owner),
  agency: Type.Optional(Type.String({ maxLength: 256 })),
  isIgnoreWaiting: Type.Optional(Type.Integer({ minimum: 0, maximum: 1 })),
  priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 2, description: "0 goes first." })),
  taskPriority: Type.Optional(Type.Integer()),
  executeUser: Type.Optional(Type.String({ maxLength: 256 })),
  instanceTimeout: Type.Optional(
    Type.Union([Type.Literal(0), Type.Integer({ minimum: 5, maximum: 1440 })], {
      description: "Minutes; 0: none.",
    }),
  ),
  customFields: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  tags: Type.Optional(Tags),
};

const BasicConfig = Type.Object(basicMembers);

const SINGLE_NODE_TYPES = [
  "DliSQL",
  "DwsSQL",
  "HiveSQL",
  "SparkSQL",
  "RdsSQL",
  "DorisSQL",
  "ASSIGNMENT",
  "BRANCH",
  "MERGE",
  "NormalJob",
  "OneClick",
  "DataMigration",
  "MrsFlink",
  "FlinkSQL",
  "FlinkJar",
  "DLISpark",
];

/** A definition but for what v1 and v2 write differently further inside. */
export const jobMembers = {
  name: Type.String({ description: "1 to 128 letters, digits, Chinese characters, `-`, `_`, `.`." }),
  processType: Type.Enum(["BATCH", "REAL_TIME"]),
  params: Type.Optional(Type.Array(Parameter, { maxItems: PARAMETERS_MAX })),
  directory: Type.Optional(Type.String({ maxLength: 1024 })),
  description: Type.Optional(Type.String({ maxLength: DESCRIPTION_MAX })),
  lastUpdateUser: Type.Optional(Type.String({ maxLength: 256 })),
  logPath: Type.Optional(Type.String({ maxLength: 1024 })),
  cleanOverdueDays: Type.Optional(Type.Integer({ minimum: 0, maximum: 3650 })),
  cleanWaitingJob: Type.Optional(Type.String({ maxLength: 64 })),
  emptyRunningJob: Type.Optional(Type.Enum(["0", "1"])),
  singleNodeJobFlag: Type.Optional(Type.Boolean()),
  singleNodeJobType: Type.Optional(Type.Enum(SINGLE_NODE_TYPES)),
  targetStatus: Type.Optional(Type.Enum(["SAVED", "SUBMITTED", "PRODUCTION"])),
};

export const approverMembers = { approverName: Type.Optional(Type.String({ maxLength: 128 })) };

/** A list of those who are to approve of a change; kept, as nothing waits for them. */
export function approversOf<Approver extends TObject>(approver: Approver) {
  return Type.Optional(Type.Array(approver, { maxItems: APPROVERS_MAX }));
}

export const JobBody = Type.Object({
  ...jobMembers,
  schedule: Schedule,
  nodes: Type.Optional(Type.Array(Node)),
  basicConfig: Type.Optional(BasicConfig),
  approvers: approversOf(Type.Object(approverMembers)),
});
