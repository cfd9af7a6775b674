/** A world with operators: a data folder with a secret, a process runner, buckets in a folder, projects with users. */
import { createReadStream } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { Readable } from "node:stream";
import { Fault } from "../../src/domain/fault.ts";
import { createClusterAdapters } from "../../src/operators/cluster-adapters.ts";
import { detectIsolation, type Isolation } from "../../src/operators/isolation.ts";
import type {
  Buckets,
  ChildJobs,
  Operator,
  Outcome,
  Submissions,
  Work,
  WorkContext,
  WorkFile,
} from "../../src/operators/operator.ts";
import { createProcessRunner, type ProcessRunner } from "../../src/operators/process.ts";
import { listProcesses, type ProcessEntry } from "../../src/operators/process-table.ts";
import { createOperators, type LocalEngines, stopOperators } from "../../src/operators/registry.ts";
import { OPERATOR_DEFAULTS, type OperatorSettings } from "../../src/operators/settings.ts";

export interface OperatorWorld {
  readonly folder: string;
  /** Closed to all but the service; holds the file `secret`. */
  readonly dataFolder: string;
  readonly settings: OperatorSettings;
  readonly runner: ProcessRunner;
  readonly operatorFor: (type: string) => Operator;
  readonly run: (work: Partial<Work> & { type: string }, options?: RunOptions) => Promise<RunResult>;
  /** What `run` hands to an operator. */
  readonly workOf: (work: Partial<Work> & { type: string }) => Work;
  readonly contextOf: () => WorkContext;
  /** Puts a file into a bucket. */
  readonly put: (path: string, content: string) => Promise<void>;
  readonly bucketFile: (path: string) => string;
  /** All living processes that the runner's spawner made, and its own. */
  readonly processes: () => ProcessEntry[];
  readonly close: () => Promise<void>;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly background?: boolean;
  readonly stopGraceMs?: number;
  readonly publish?: WorkContext["publish"];
  /** Told of the whole log each time that something is added. */
  readonly onLog?: (log: string) => void;
}

export interface RunResult {
  readonly outcome: Outcome;
  readonly log: string;
}

const SLOTS: readonly string[] = ["project-a", "project-b"];

/** `without` takes means of isolation away that the system has; `localOf` gives the engines of this machine. */
export async function operatorWorld(
  overrides: Partial<OperatorSettings> = {},
  without: Partial<Isolation> = {},
  localOf: (settings: OperatorSettings) => LocalEngines = () => ({}),
): Promise<OperatorWorld> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-operators-"));
  await chmod(folder, 0o711);
  const dataFolder = join(folder, "data");
  await mkdir(dataFolder, { mode: 0o700 });
  await writeFile(join(dataFolder, "secret"), "the master key\n");
  const settings: OperatorSettings = {
    ...OPERATOR_DEFAULTS,
    killGraceMs: 200,
    workFolder: join(folder, "work"),
    hiddenFolders: [dataFolder],
    userSlot: async (projectId) => SLOTS.indexOf(projectId),
    ...overrides,
  };
  const isolation = { ...(await detectIsolation(settings)), ...without };
  const runner = await createProcessRunner(settings, isolation).catch(async (error: unknown) => {
    await rm(folder, { recursive: true });
    throw error;
  });
  const clusters = createClusterAdapters(settings);
  const operators = createOperators(settings, runner, clusters, localOf(settings));
  const buckets = folderBuckets(join(dataFolder, "buckets"));
  const operatorFor = (type: string) => {
    const operator = operators.find(({ types }) => types.includes(type));
    if (operator === undefined) throw new Fault("unsupported", "engine-missing", `no operator for ${type}`);
    return operator;
  };
  const contextOf = (
    {
      signal = new AbortController().signal,
      background = false,
      stopGraceMs,
      publish = noTopics,
    }: RunOptions,
    log: WorkContext["log"],
  ): WorkContext => ({
    signal,
    background,
    ...(stopGraceMs !== undefined && { stopGraceMs }),
    buckets,
    children: NO_CHILDREN,
    submissions: NO_SUBMISSIONS,
    publish,
    log,
  });
  return {
    workOf,
    contextOf: () => contextOf({}, () => undefined),
    folder,
    dataFolder,
    settings,
    runner,
    operatorFor,
    put: async (path, content) => await buckets.write(path, Readable.from([content])),
    bucketFile: (path) => bucketFile(join(dataFolder, "buckets"), path),
    processes: () => processesBelow(runner.spawnerPid()),
    close: async () => {
      await stopOperators(operators);
      clusters.close();
      await runner.stop();
      await rm(folder, { recursive: true, force: true });
    },
    run: async (work, options = {}) => {
      const { onLog = () => undefined } = options;
      let log = "";
      const append = (chunk: string | Uint8Array) => {
        log += chunk.toString();
        onLog(log);
      };
      const outcome = await operatorFor(work.type).run(workOf(work), contextOf(options, append));
      return { outcome, log };
    },
  };
}

/** A file of an attempt with this content. */
export function workFile(name: string, use: WorkFile["use"], content: string | Buffer): WorkFile {
  return { name, use, open: async () => Readable.from([content]) };
}

/** For operators that run no other jobs. */
const NO_CHILDREN: ChildJobs = {
  open: async () => {
    throw new RangeError("the test has no other jobs");
  },
};

/** For operators that hand nothing over to a cluster. */
const NO_SUBMISSIONS: Submissions = {
  open: async () => {
    throw new RangeError("the test has no clusters");
  },
};

async function noTopics(): Promise<never> {
  throw new RangeError("the test has no topics");
}

/** The work of an attempt with these members. */
export function workOf(work: Partial<Work> & { type: string }): Work {
  return {
    projectId: "project-a",
    workspaceId: "workspace",
    instanceId: 1,
    nodeName: "node",
    attempt: 1,
    idempotencyKey: "1-node-1",
    properties: {},
    lateProperties: async () => ({}),
    files: [],
    args: [],
    environment: {},
    outputForm: "rows",
    localCommandsAllowed: true,
    ...work,
  };
}

function folderBuckets(root: string): Buckets {
  return {
    open: async (path) => {
      const file = bucketFile(root, path);
      if (!(await isFile(file)))
        throw new Fault("not-found", "reference-invalid", `there is no file ${path}`);
      return createReadStream(file);
    },
    list: async (prefix) => {
      const folder = bucketFile(root, prefix);
      const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
      const files = found.filter((entry) => entry.isFile());
      return files.map((entry) => `${prefix}/${relative(folder, join(entry.parentPath, entry.name))}`).sort();
    },
    exists: async (path) => (await stat(bucketFile(root, path)).catch(() => undefined)) !== undefined,
    localPath: async (path) => bucketFile(root, path),
    write: async (path, content) => {
      await mkdir(dirname(bucketFile(root, path)), { recursive: true });
      await writeFile(bucketFile(root, path), content, { mode: 0o600 });
    },
    createFolder: async (path) => {
      await mkdir(bucketFile(root, path), { recursive: true });
    },
    remove: async (path) => {
      const there = (await stat(bucketFile(root, path)).catch(() => undefined)) !== undefined;
      await rm(bucketFile(root, path), { recursive: true, force: true });
      return there;
    },
  };
}

function bucketFile(root: string, path: string): string {
  return join(root, path.slice(path.indexOf("://") + 3));
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

function processesBelow(ancestor: number | undefined): ProcessEntry[] {
  const all = listProcesses();
  const found = new Set([ancestor]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const entry of all) if (found.has(entry.parentPid)) found.add(entry.pid);
  }
  return all.filter((entry) => found.has(entry.pid));
}
