/** The contract between the engine and the code that does one node's work. */
import type { Readable } from "node:stream";
import type { BucketFiles } from "../domain/bucket.ts";
import type { ClusterServices, JsonObject } from "../domain/cluster-services.ts";
import type { ConnectionConfig, ConnectionType } from "../domain/connection.ts";
import type { DataSourceCredentials } from "../domain/data-source.ts";
import type { LoopTurn } from "../domain/expression-world.ts";
import type { OwnLane } from "../domain/instance.ts";
import type { JobNode } from "../domain/job.ts";
import type { NoticeText } from "../domain/notice.ts";
import type { InstanceState } from "../domain/states.ts";

/** One attempt at a node, every expression in it resolved and everything that it names fetched. */
export interface Work {
  readonly projectId: string;
  readonly workspaceId: string;
  readonly instanceId: number;
  readonly nodeName: string;
  /** The wire's name of the node type, e.g. `Shell`. */
  readonly type: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Same for every try to do this attempt, different for every other: `<instance>-<node>-<attempt>`. */
  readonly idempotencyKey: string;
  readonly properties: Readonly<Record<string, string>>;
  /** The properties that the operator wanted late, for one turn of a loop. Rejects where an expression fails. */
  readonly lateProperties: (turn: LoopTurn) => Promise<Readonly<Record<string, string>>>;
  readonly script?: WorkScript;
  readonly connection?: WorkConnection;
  /** Of a node that moves data from one to another. */
  readonly sourceConnection?: WorkConnection;
  readonly targetConnection?: WorkConnection;
  /** Where it is to run, for operators that ask (`hasCluster`). */
  readonly cluster?: WorkCluster;
  readonly files: readonly WorkFile[];
  readonly args: readonly string[];
  /** Set in the environment of a child process, beside the operator's own. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Settings of a run of the data-processing API for the engine that does it; data sources that they name have made way for
   * their addresses. `work-places.ts` says what else comes with them.
   */
  readonly configs?: Readonly<Record<string, string>>;
  /** Values of such a run for its script, by name. */
  readonly params?: Readonly<Record<string, string>>;
  readonly places?: WorkPlaces;
  /** Texts that are covered in all that the attempt logs and leaves behind. */
  readonly secrets?: readonly string[];
  /** Absent: a clean process or session for this attempt alone. Present: one that serves others of the same kind too. */
  readonly warm?: WarmSession;
  readonly outputForm: OutputForm;
  /** False where the administrator took away the project's right to run commands on the server (product 6). */
  readonly localCommandsAllowed: boolean;
}

/**
 * What an operator leaves as output: `rows` is what expressions read, the rows of a SQL result or the last line of a
 * program; `table` is JSON with columns, rows and their number, of a program its lines as rows of one column.
 */
export type OutputForm = "rows" | "table";

/** What a session that serves several attempts may be shared by. */
export interface WarmSession {
  /** Who asked for the instance: sessions are never shared beyond a user, a workspace and a project. */
  readonly by: string;
  /** Python modules that are loaded before the first use. */
  readonly modules: readonly string[];
}

export interface WorkScript {
  readonly name: string;
  readonly type: string;
  readonly content: string;
  readonly database?: string;
}

/** A stored connection with its secrets in clear: never logged, never kept. */
export interface WorkConnection {
  readonly name: string;
  readonly type: ConnectionType;
  readonly config: ConnectionConfig;
  /** True for the one connection that the product makes itself, into the embedded server's `warehouse`. */
  readonly warehouse: boolean;
}

/** What a run of the data-processing API reads and writes. */
export interface WorkPlaces {
  readonly input?: WorkPlace;
  readonly output?: WorkPlace;
  /** Data sources that its configs, params and arguments name. */
  readonly named: readonly WorkPlace[];
}

/** An address, and what its data source says of who may use it: `WorkContext.buckets` knows that already. */
export interface WorkPlace {
  readonly url: string;
  readonly credentials?: DataSourceCredentials;
}

/** A cluster with its secrets in clear: never logged, never kept. */
export interface WorkCluster {
  readonly id: string;
  readonly name: string;
  /** The machines of this service: it has no services but those that the server starts itself. */
  readonly local: boolean;
  readonly services: ClusterServices;
}

/** A file that is placed in the attempt's folder before the work begins. */
export interface WorkFile {
  /** A plain file name, without any folder. */
  readonly name: string;
  readonly use: "main" | "library";
  readonly open: () => Promise<Readable>;
}

/** What an operator may use while it works. */
export interface WorkContext {
  /** Aborted when the attempt is to end: the reason is one of `AbortReason`. All of the work's processes end then. */
  readonly signal: AbortSignal;
  /** Appends to the attempt's log; never throws, never waits. */
  readonly log: (chunk: string | Uint8Array) => void;
  /** Its processes give way to those of other work. */
  readonly background: boolean;
  /** How long its processes may take to end after an abort, before they are killed; the server's own where absent. */
  readonly stopGraceMs?: number;
  /** Files of the project's buckets, named `obs://bucket/key`. */
  readonly buckets: Buckets;
  /** Other jobs that the node runs. */
  readonly children: ChildJobs;
  /** What the node has handed over to a cluster. */
  readonly submissions: Submissions;
  /** Of a node that is kept alive: where its work on a cluster can be gone on with. */
  readonly resume?: ResumePoints;
  /**
   * Publishes to a topic of the project, by its name or URN; gives how many targets are told. Once for each attempt.
   * @throws Fault `topic-missing`, `notice-invalid`.
   */
  readonly publish: (topic: string, notice: NoticeText) => Promise<number>;
}

/** Services of a cluster that take work, each with an adapter (cluster-adapter.ts). */
export type ServiceKind = "yarn" | "spark" | "flink" | "flink-sql" | "ray";

/** Keeps what a node hands over to clusters, so that whoever takes the attempt over goes on with it. */
export interface Submissions {
  /**
   * That of this attempt: what an earlier, lost try of it stored, or a new one. Waits until nothing that former attempts
   * handed over runs any more.
   */
  readonly open: (place: {
    readonly clusterId: string;
    readonly service: ServiceKind;
  }) => Promise<Submission>;
}

/** One piece of work on a cluster, as it is stored. */
export interface Submission {
  /** Random; the same for all tries that go on with one another. */
  readonly key: string;
  /** What the adapter reserved; undefined where nothing was. */
  readonly handle: JsonObject | undefined;
  readonly submitted: boolean;
  /** How far its logs were read, in bytes, by stream. */
  readonly logOffsets: Readonly<Record<string, number>>;
  /** Stored when it resolves. @throws Fault `server-unavailable` where the attempt is another server's by now. */
  readonly reserved: (handle: JsonObject, engineId?: string) => Promise<void>;
  /** The same for what the cluster has taken. */
  readonly wasSubmitted: (handle: JsonObject, engineId?: string) => Promise<void>;
  /** Written now and then, once what was read so far is in the log. */
  readonly noteLogs: (offsets: Readonly<Record<string, number>>) => void;
  /** Nothing of it runs any more: the cluster said so, or it never began. */
  readonly ended: () => Promise<void>;
  /** The cluster has forgotten it, and what became of it is not known. */
  readonly abandoned: () => Promise<void>;
}

/** The newest savepoint or checkpoint of a node, kept over its attempts and over the runs of its job. */
export interface ResumePoints {
  /** Its path, as the cluster reads it. */
  readonly newest: () => Promise<string | undefined>;
  /** Never rejects; an older one than is kept already is dropped. */
  readonly keep: (point: ResumePoint) => Promise<void>;
}

export interface ResumePoint {
  readonly path: string;
  readonly takenAt: Date;
  readonly bytes: number;
  readonly durationMs: number;
  /** Checkpoints of the work so far. */
  readonly completed: number;
  readonly failed: number;
}

/** Runs other jobs of the workspace for a node, each turn of it once, whatever servers are lost meanwhile. */
export interface ChildJobs {
  /**
   * Finds the batch job, and the instances that earlier, lost tries of this attempt began.
   * @throws Fault `job-missing`; `job-kind-invalid` for a real-time job; `job-invalid` where it runs jobs itself.
   */
  readonly open: (jobName: string) => Promise<ChildRun>;
}

/** One job run for one attempt at a node, any number of times: each time has its place, from 0. */
export interface ChildRun {
  /** Begun by earlier tries of this attempt. */
  readonly begun: readonly Child[];
  /** Begins an instance at each place that has none yet, all of them or none, and gives the instances of all. */
  readonly start: (starts: readonly ChildStart[]) => Promise<readonly Child[]>;
  /** Waits until at least one of those at `places` has ended; empty only when the attempt is aborted. */
  readonly ended: (places: readonly number[]) => Promise<readonly EndedChild[]>;
  /** Tells all that still run to end, and resolves when they have. */
  readonly stop: () => Promise<void>;
  /** What they left, by place, null where there is nothing: as many as have room in `bytesMax`. */
  readonly outputs: (bytesMax: number) => Promise<readonly (string | null)[]>;
}

export interface ChildStart {
  readonly place: number;
  readonly parameters: Readonly<Record<string, string>>;
  /** Added to the name of the instance. */
  readonly nameSuffix?: string;
}

export interface Child {
  readonly place: number;
  readonly instanceId: number;
}

export interface EndedChild extends Child {
  readonly state: InstanceState;
  /** Why it failed. */
  readonly message: string | null;
}

export type AbortReason = "stop" | "timeout" | "lost" | "drain";

export type Buckets = BucketFiles<Readable>;

/** How an attempt ended. `cancelled` only after its signal was aborted. */
export type Outcome =
  | {
      readonly state: "succeeded";
      readonly output?: string;
      readonly message?: string;
      readonly exitCode?: number;
    }
  | {
      readonly state: "failed";
      readonly message: string;
      readonly exitCode?: number;
      readonly permanent?: boolean;
    }
  | { readonly state: "cancelled"; readonly message?: string };

/** Longest output that a node may leave for others, in UTF-8 bytes; longer ones are cut by the engine. */
export const OUTPUT_BYTES_MAX = 1024 * 1024;

export interface Operator {
  /** Names of the node types that it knows, as Factory writes them. */
  readonly types: readonly string[];
  /** Of all its nodes, or of a node by what it says; `cluster` is the name that it has by default. */
  readonly lane:
    | OwnLane
    | ((node: Pick<JobNode, "type" | "properties">, defaults: { readonly cluster?: string }) => OwnLane);
  /** Whether a property is left to `Work.lateProperties`; where absent, none is. */
  readonly isLate?: (property: string) => boolean;
  /**
   * Does the work and says how it ended. It settles only when nothing of the work is left running, also after an
   * abort; but what a cluster runs goes on after `lost` and `drain`, for the server that takes the attempt over. An
   * exception counts as a failed attempt whose message is the exception's.
   */
  readonly run: (work: Work, context: WorkContext) => Promise<Outcome>;
  /** Ends what is kept from one attempt to the next, when no attempt runs any more. */
  readonly stop?: () => Promise<void>;
  /** Whether it works between two connections: it is then given those that a node names as its source and its target. */
  readonly hasEnds?: true;
  /** Whether its work may go to a cluster: it is then given the one that the node, its job or its owner names. */
  readonly hasCluster?: true;
}

/** The next offset of each partition, as decimal text. */
export type TopicOffsets = Readonly<Record<string, string>>;

export interface TopicMessage {
  readonly offset: bigint;
  readonly text: string;
}

export interface TopicBatch {
  readonly messages: readonly TopicMessage[];
  /** Where to go on behind them. */
  readonly offsets: TopicOffsets;
  /** Messages behind these, as far as the cluster says. */
  readonly behind: number;
}

/** A topic that is read on from places which its user keeps. What fails leaves it fit for `close` alone. */
export interface TopicReader {
  /** Behind the last message of each partition. */
  readonly ends: () => Promise<TopicOffsets>;
  /** At most so many messages, as soon as there is one, or none after the wait; partitions that are not in `from` are new, and read from their beginning. */
  readonly read: (
    from: TopicOffsets,
    bounds: { readonly most: number; readonly waitMs: number },
  ) => Promise<TopicBatch>;
  readonly close: () => Promise<void>;
}

/** A file of an S3 endpoint. Who writes it anew changes its tag, its time, or both. */
export interface BucketObject {
  readonly key: string;
  readonly etag: string;
  readonly modifiedAt: Date;
}

export interface ObjectPage {
  readonly objects: readonly BucketObject[];
  /** Where the next page begins; undefined on the last one. */
  readonly next?: string;
}

/** A bucket of an S3 endpoint, as its connection may read it. */
export interface ObjectBucket {
  /** How long after one listing the next is wanted. */
  readonly intervalSeconds: number;
  /** At most 1000 objects whose keys begin with `prefix`, in the order of their keys' bytes. */
  readonly list: (
    prefix: string,
    page: { readonly from?: string; readonly signal: AbortSignal },
  ) => Promise<ObjectPage>;
}
