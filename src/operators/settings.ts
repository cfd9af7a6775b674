/** What an administrator may decide about operators, with the defaults. */
import { Fault } from "../domain/fault.ts";
import type { LocalSoftware } from "./local-software.ts";
import type { PoolLimits } from "./session-pool.ts";

/** Limits of one process of a node; each process of an attempt has them for itself, `processes` counts together. */
export interface ProcessLimits {
  /**
   * Private memory that a process may write to (RLIMIT_DATA); shared and merely reserved memory does not count.
   * At least 1 GiB: the spawner and DuckDB are under it too, and node takes 0.6 GiB of room for its code alone.
   */
  readonly memoryBytes: number;
  /** Size of any single file that a process writes. */
  readonly fileBytes: number;
  /** Processes and threads of one attempt. Not held where nodes run as the service's own user outside a namespace. */
  readonly processes: number;
  readonly openFiles: number;
  /** Processor time of one process; absent means none but the node's timeout. */
  readonly cpuSeconds?: number;
}

/** Coordinates of the PostgreSQL database that the product keeps for its users' data. */
export interface WarehouseCoordinates {
  /** Host name, address or the folder of the socket: this connection is ours, no user writes it. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface OperatorSettings {
  /** Where attempts have their folders; outside the data folder, on a path that every user may traverse. */
  readonly workFolder: string;
  /** Folders that no node may see: the data folder. Hidden altogether where the system has namespaces. */
  readonly hiddenFolders: readonly string[];
  /** The node binary that runs the spawner and DuckDB. */
  readonly nodePath: string;
  /** Folders in which a node's commands are looked for. */
  readonly searchPath: string;
  /** First numeric user id of the range that projects run as, when the service is root. */
  readonly userIdBase: number;
  /** How many ids of the range belong to one project: so many attempts at once are strangers to each other. */
  readonly userIdsPerProject: number;
  /** The project's place in the range of user ids, stable, from 0. */
  readonly userSlot: (projectId: string) => Promise<number>;
  readonly limits: ProcessLimits;
  /** Time between asking an attempt's processes to end and killing them. */
  readonly killGraceMs: number;
  /** Bytes of one attempt's output that reach the log; the rest is read and dropped. */
  readonly logBytesMax: number;
  /**
   * Addresses that nodes may dial although they are loopback or private: `loopback`, `private`, an address, a host name or a
   * range such as `10.1.0.0/16`. Link-local and metadata addresses stay refused whatever stands here.
   */
  readonly allowedAddresses: readonly string[];
  /** The service's own database when it listens on TCP: no connection may lead there. */
  readonly ownDatabase?: { readonly host: string; readonly port: number; readonly database: string };
  readonly warehouse?: () => Promise<WarehouseCoordinates>;
  /** The engines that this server fetches for itself. */
  readonly software: Pick<LocalSoftware, "ensure">;
  /** Spark programs that run on this server at a time. */
  readonly localWorkSlots: number;
  readonly sql: SqlLimits;
  /** Of warm sessions, for each kind of operator. */
  readonly sessions: PoolLimits;
  readonly rest: {
    readonly requestBytesMax: number;
    readonly responseBytesMax: number;
    readonly redirectsMax: number;
  };
}

export interface SqlLimits {
  /** Rows of the last statement that become the node's output. */
  readonly outputRowsMax: number;
  /** Rows and bytes that a PostgreSQL script may send back at all; more is an error that asks for a limit. */
  readonly readRowsMax: number;
  readonly readBytesMax: number;
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly duckdbMemoryBytes: number;
  readonly duckdbThreads: number;
  /** Disk that DuckDB may use for what does not fit in its memory. */
  readonly duckdbSpillBytes: number;
}

const MIB = 1024 * 1024;

/** Everything that has a default that fits most machines. */
export const OPERATOR_DEFAULTS = {
  software: {
    ensure: async (name) => {
      throw new Fault("unavailable", "engine-missing", `this server fetches no software for ${name}`);
    },
  },
  nodePath: process.execPath,
  searchPath: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  // Above what adduser hands out for containers (from 100000) and what systemd uses (to 1878982656).
  userIdBase: 1_900_000_000,
  userIdsPerProject: 32,
  limits: { memoryBytes: 4096 * MIB, fileBytes: 16_384 * MIB, processes: 512, openFiles: 4096 },
  killGraceMs: 5000,
  logBytesMax: 16 * MIB,
  allowedAddresses: [],
  localWorkSlots: 2,
  sql: {
    outputRowsMax: 1000,
    readRowsMax: 100_000,
    readBytesMax: 64 * MIB,
    statementTimeoutMs: 24 * 3600 * 1000,
    connectTimeoutMs: 10_000,
    duckdbMemoryBytes: 1024 * MIB,
    duckdbThreads: 2,
    duckdbSpillBytes: 8192 * MIB,
  },
  sessions: { usesMax: 200, idleMs: 60_000, idleMax: 8 },
  rest: { requestBytesMax: MIB, responseBytesMax: MIB, redirectsMax: 5 },
} as const satisfies Partial<OperatorSettings>;
