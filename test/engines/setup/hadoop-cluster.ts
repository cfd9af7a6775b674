/** A real Hadoop cluster of one machine for tests: HDFS, YARN and the history server, on their usual ports of the loopback. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { ClusterServices } from "../../../src/domain/cluster-services.ts";
import { hadoopJars, hadoopMissing } from "../../setup/local-hadoop.ts";
import { missingOf } from "../../setup/programs.ts";

export type HadoopDaemon = "namenode" | "datanode" | "resourcemanager" | "nodemanager" | "history";

export interface HadoopCluster {
  readonly services: Required<Pick<ClusterServices, "yarn" | "hdfs">>;
  /** Ends it as a crash would, and starts it again; up again when it resolves. */
  readonly restart: (daemon: HadoopDaemon) => Promise<void>;
  readonly kill: (daemon: HadoopDaemon) => Promise<void>;
  readonly logOf: (daemon: HadoopDaemon) => Promise<string>;
  readonly stop: () => Promise<void>;
}

const PORTS = [8088, 8042, 9870, 9864, 19_888];
const START_MAX_MS = 180_000;
const YARN = "http://127.0.0.1:8088";
const WEBHDFS = "http://127.0.0.1:9870";
const HISTORY = "http://127.0.0.1:19888";
const NODE_COUNT = "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState";
const SAFE_MODE = "/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo";

/** Why no cluster can run here; undefined when one can. */
export async function clusterMissing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "only root can make a network for it";
  return (await hadoopMissing()) ?? (await missingOf({ unshare: "--version", ip: "-V" }));
}

export async function startHadoop(): Promise<HadoopCluster> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-hadoop-"));
  const program = join(import.meta.dirname, "hadoop-daemons.ts");
  const daemons = spawn("unshare", ["--net", process.execPath, program, await hadoopJars(), folder], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: daemons.stdout });
  const tell = async (words: string) => {
    const answered = (async () => {
      for await (const [line] of onLines(answers)) if (line === words) return;
    })();
    daemons.stdin.write(`${words}\n`);
    await answered;
  };
  const doors = await Promise.all(PORTS.map((port) => openDoor(port, join(folder, `${port}.sock`))));
  const cluster: HadoopCluster = {
    services: {
      yarn: { resourceManager: YARN, historyServer: HISTORY, user: "azalai" },
      hdfs: { webhdfs: WEBHDFS, defaultFs: "hdfs://127.0.0.1:9820", user: "azalai" },
    },
    kill: (daemon) => tell(`kill ${daemon}`),
    restart: async (daemon) => {
      await tell(`kill ${daemon}`);
      await tell(`start ${daemon}`);
      await ready(daemons);
    },
    logOf: (daemon) => readFile(join(folder, `${daemon}.log`), "utf8"),
    stop: async () => {
      const ended = daemons.exitCode === null ? once(daemons, "exit") : undefined;
      daemons.stdin.end();
      await ended;
      for (const door of doors) door.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await ready(daemons);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

async function* onLines(lines: NodeJS.EventEmitter): AsyncGenerator<[string]> {
  for (;;) yield (await once(lines, "line")) as [string];
}

/** The cluster says its own addresses to clients, so its ports must be the same outside of its network. */
async function openDoor(port: number, socket: string): Promise<Server> {
  const door = createServer((outer) => {
    const inner = connect(socket);
    outer.pipe(inner).pipe(outer);
    outer.on("error", () => inner.destroy());
    inner.on("error", () => outer.destroy());
  });
  door.listen(port, "127.0.0.1");
  await once(door, "listening");
  return door;
}

async function ready(daemons: ChildProcess): Promise<void> {
  const until = performance.now() + START_MAX_MS;
  const wanted: readonly [string, string][] = [
    [`${WEBHDFS}${NODE_COUNT}`, '"NumLiveDataNodes":1'],
    [`${WEBHDFS}${SAFE_MODE}`, '"Safemode":"",'],
    [`${YARN}/ws/v1/cluster/metrics`, '"activeNodes":1'],
    [`${HISTORY}/ws/v1/history/info`, "hadoopVersion"],
  ];
  for (const [url, text] of wanted)
    while (!(await says(url, text))) {
      if (daemons.exitCode !== null) throw new RangeError("the cluster's daemons have ended");
      if (performance.now() > until) throw new RangeError(`${url} does not say ${text}`);
      await delay(300);
    }
}

async function says(url: string, text: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    return (await answer.text()).replaceAll(/\s/g, "").includes(text.replaceAll(" ", ""));
  } catch {
    return false; // it has not begun to listen
  }
}
