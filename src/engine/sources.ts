/** What the engine asks of the rest of the service while it prepares a node's work. */
import type { CredentialedPlace } from "../domain/data-source.ts";
import type { JobNode } from "../domain/job.ts";
import type { NoticeText } from "../domain/notice.ts";
import type { WorkCalendar } from "../domain/workday.ts";
import type {
  Buckets,
  ObjectBucket,
  TopicReader,
  Work,
  WorkCluster,
  WorkConnection,
  WorkScript,
} from "../operators/operator.ts";

/** Whose things are looked up: always within one project, mostly within one workspace. */
export interface WorkOwner {
  readonly projectId: string;
  readonly workspaceId: string;
}

/** Loads what nodes name. Each reads the present state at the moment of the attempt; `undefined` where there is none. */
export interface WorkSources {
  readonly loadScript: (owner: WorkOwner, name: string) => Promise<WorkScript | undefined>;
  /** The properties of the one node, a `DataMigration`, of a stored job. Fault for a job of another kind. */
  readonly loadMigration: (
    owner: WorkOwner,
    jobName: string,
  ) => Promise<Readonly<Record<string, string>> | undefined>;
  /** The paths of a resource's files, by its name or its directory and name. Fault where several have the name. */
  readonly loadResourceFiles: (owner: WorkOwner, named: string) => Promise<readonly string[] | undefined>;
  /** With its secrets in clear. */
  readonly loadConnection: (owner: WorkOwner, name: string) => Promise<WorkConnection | undefined>;
  /**
   * The cluster of that name or id, or the one that is the workspace's or project's own choice, with its secrets in clear.
   * Fault `cluster-missing` for a name that the project sees no cluster of.
   */
  readonly loadCluster: (owner: WorkOwner, named: string | undefined) => Promise<WorkCluster>;
  /** The workspace's variables, secret ones in clear. */
  readonly loadEnvironment: (owner: WorkOwner) => Promise<Readonly<Record<string, string>>>;
  /** A calendar of the workspace by its name. */
  readonly loadCalendar: (owner: WorkOwner, name: string) => Promise<WorkCalendar | undefined>;
  /** What a job execution adds to its node: the template's binaries and the run's arguments. */
  readonly loadProgram: (owner: WorkOwner, instanceId: number, node: JobNode) => Promise<WorkProgram>;
  /** Whether nodes of the project may run commands on the server (product 6). */
  readonly localCommandsAllowed: (projectId: string) => Promise<boolean>;
  /** What is under way in them ends with the signal; what lies under one of `places` is reached with its credentials. */
  readonly buckets: (
    projectId: string,
    signal?: AbortSignal,
    places?: readonly CredentialedPlace[],
  ) => Buckets;
  /** As `WorkContext.publish`; what has been published under its key is not published again. */
  readonly publish: (projectId: string, notice: KeyedNotice) => Promise<number>;
  /** Faults where the connection leads to no such topic, or may not be followed. */
  readonly openTopic: (connection: WorkConnection, topic: string) => Promise<TopicReader>;
  /** Faults where the connection leads to no S3 endpoint; whether it may be followed is seen when it is listed. */
  readonly openBucket: (connection: WorkConnection, bucket: string) => ObjectBucket;
}

export interface KeyedNotice extends NoticeText {
  /** Name or URN of the topic. */
  readonly topic: string;
  /** No other notice of the project has it. */
  readonly key: string;
}

/** What a job execution adds to its node. */
export interface WorkProgram
  extends Pick<Work, "files" | "args" | "environment" | "configs" | "params" | "places" | "secrets"> {
  /** Properties of the node that are no expressions: the run's user wrote them as they are. */
  readonly runProperties?: Readonly<Record<string, string>>;
}
