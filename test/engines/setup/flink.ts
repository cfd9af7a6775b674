/** A real Flink session cluster on the loopback: JobManager, one TaskManager and, where asked for, the SQL gateway. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";

export interface FlinkCluster {
  /** Address of the JobManager. */
  readonly rest: string;
  /** Address of the SQL gateway, where there is one. */
  readonly sqlGateway: string;
  /** A folder that the cluster reads and writes. */
  readonly folder: string;
  /** Jars that programs are compiled against. */
  readonly classPath: string;
  /** Ends the JobManager as a crash does, and starts another one that knows nothing of its jobs. */
  readonly restartMaster: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const START_MAX_MS = 180_000;
const POLL_MS = 200;
const STOP_MS = 10_000;
const SLOTS = 4;
const OPENED = [
  ...["sun.net.util", "sun.nio.ch"].map((name) => `--add-exports=java.base/${name}=ALL-UNNAMED`),
  "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
  "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
  ...[
    ..."lang net io nio lang.reflect text time util util.concurrent".split(" "),
    ..."util.concurrent.atomic util.concurrent.locks".split(" "),
  ].map((name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`),
  "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
];

interface Flink {
  readonly version: string;
  readonly home: string;
  readonly classPath: string;
  /** Of the SQL gateway, beside the others. */
  readonly gatewayJars: readonly string[];
}

/** `software` is the folder that Flink was fetched into. */
async function findFlink(software: string): Promise<Flink> {
  const all = await readdir(software, { recursive: true });
  const dist = all.find((path) => /pyflink\/lib\/flink-dist-[^/]*\.jar$/.test(path));
  if (dist === undefined) throw new Error(`there is no Flink in ${software}`);
  const home = join(software, dirname(dirname(dist)));
  const version = /flink-dist-(.+)\.jar$/.exec(dist)?.[1] ?? "";
  const jars = (await readdir(join(home, "lib"))).filter((name) => name.endsWith(".jar")).sort();
  const gateway = all.filter((path) => /^extra\/flink-sql-gateway-[^/]*\.jar$/.test(path));
  return {
    version,
    home,
    classPath: jars.map((name) => join(home, "lib", name)).join(":"),
    gatewayJars: [
      join(home, "opt", `flink-sql-client-${version}.jar`),
      ...gateway.map((path) => join(software, path)),
    ],
  };
}

export async function startFlink(software: string, { gateway = false } = {}): Promise<FlinkCluster> {
  const flink = await findFlink(software);
  const folder = await mkdtemp(join(tmpdir(), "azalai-flink-"));
  const [restPort, rpcPort, gatewayPort] = await Promise.all([quietPort(), quietPort(), quietPort()]);
  await configure(folder, { restPort, rpcPort });
  const daemons = new Map<string, ChildProcess>();
  const rest = `http://127.0.0.1:${restPort}`;
  const sqlGateway = `http://127.0.0.1:${gatewayPort}`;

  const start = (name: string, args: readonly string[]) => {
    const out = openSync(join(folder, "log", `${name}.out`), "a");
    const child = spawn("java", [...OPENED, ...logOptions(folder, name), ...args], {
      stdio: ["ignore", out, out],
      env: environmentOf(flink, folder),
    });
    closeSync(out);
    daemons.set(name, child);
  };
  const conf = ["--configDir", join(folder, "conf")];
  const startMaster = () =>
    start("jobmanager", [
      ...["-Xmx448m", "-XX:MaxMetaspaceSize=256m", "-cp", flink.classPath],
      ...["org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", ...conf],
    ]);
  const isUp = () => answers(`${rest}/overview`, /"taskmanagers":\s*1/);
  const stop = async () => {
    await Promise.all([...daemons.values()].map((child) => end(child)));
    await rm(folder, { recursive: true, force: true });
  };

  try {
    startMaster();
    const [jvm, settings] = await taskManagerSettings(flink, folder);
    start("taskmanager", [
      ...jvm,
      ...[
        "-cp",
        flink.classPath,
        "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
        ...conf,
        ...settings,
      ],
    ]);
    await until(isUp, folder, daemons);
    if (gateway) {
      start("gateway", [
        ...["-Xmx400m", "-cp", [flink.classPath, ...flink.gatewayJars].join(":")],
        "org.apache.flink.table.gateway.SqlGateway",
        ...["address", "bind-address"].map((name) => `-Dsql-gateway.endpoint.rest.${name}=127.0.0.1`),
        `-Dsql-gateway.endpoint.rest.port=${gatewayPort}`,
      ]);
      await until(() => answers(`${sqlGateway}/v1/info`, /Flink/), folder, daemons);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    rest,
    sqlGateway,
    folder,
    classPath: flink.classPath,
    restartMaster: async () => {
      const master = daemons.get("jobmanager");
      if (master !== undefined) await end(master, "SIGKILL");
      startMaster();
      await until(isUp, folder, daemons);
    },
    stop,
  };
}

/** A free port that no outgoing line is given by chance before the daemon takes it, which may be ten seconds. */
async function quietPort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

async function configure(
  folder: string,
  { restPort, rpcPort }: { readonly restPort: number; readonly rpcPort: number },
): Promise<void> {
  for (const name of ["conf", "log", "tmp", "web", "checkpoints", "savepoints"])
    await mkdir(join(folder, name));
  const host = "127.0.0.1";
  const settings = {
    jobmanager: {
      "bind-host": host,
      rpc: { address: host, port: rpcPort },
      memory: { process: { size: "1024m" } },
    },
    taskmanager: {
      "bind-host": host,
      host,
      numberOfTaskSlots: SLOTS,
      memory: { process: { size: "1280m" } },
    },
    rest: { address: host, "bind-address": host, port: restPort },
    web: { upload: { dir: join(folder, "web") } },
    parallelism: { default: 1 },
    execution: {
      checkpointing: {
        dir: `file://${folder}/checkpoints`,
        "savepoint-dir": `file://${folder}/savepoints`,
        "externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "num-retained": 5,
      },
    },
    io: { tmp: { dirs: join(folder, "tmp") } },
  };
  // JSON is YAML.
  await writeFile(join(folder, "conf/config.yaml"), JSON.stringify(settings, undefined, 1));
  const log4j = [
    ["rootLogger.level", "INFO"],
    ["rootLogger.appenderRef.file.ref", "F"],
    ["appender.file.name", "F"],
    ["appender.file.type", "File"],
    ["appender.file.fileName", "$" + "{sys:log.file}"],
    ["appender.file.layout.type", "PatternLayout"],
    ["appender.file.layout.pattern", "%d %-5p %c{2} %x - %m%n"],
  ];
  const lines = log4j.map(([name, value]) => `${name} = ${value}\n`);
  await writeFile(join(folder, "conf/log4j.properties"), lines.join(""));
}

function logOptions(folder: string, name: string): string[] {
  return [
    `-Dlog.file=${folder}/log/${name}.log`,
    `-Dlog4j.configurationFile=file:${folder}/conf/log4j.properties`,
  ];
}

function environmentOf({ home }: Flink, folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    FLINK_CONF_DIR: join(folder, "conf"),
    FLINK_LIB_DIR: join(home, "lib"),
    FLINK_OPT_DIR: join(home, "opt"),
    FLINK_PLUGINS_DIR: join(home, "plugins"),
  };
}

/** A TaskManager that is not given its derived settings exits at once. Options of the JVM, and arguments. */
async function taskManagerSettings(flink: Flink, folder: string): Promise<[string[], string[]]> {
  const { stdout } = await promisify(execFile)(
    "java",
    [
      ...["-cp", `${join(flink.home, "bin/bash-java-utils.jar")}:${flink.classPath}`],
      ...["org.apache.flink.runtime.util.bash.BashJavaUtils", "GET_TM_RESOURCE_PARAMS"],
      ...["--configDir", join(folder, "conf")],
    ],
    { env: environmentOf(flink, folder) },
  );
  const [jvm = "", settings = ""] = [...stdout.matchAll(/^BASH_JAVA_UTILS_EXEC_RESULT:(.*)$/gm)].map(
    ([, line = ""]) => line,
  );
  return [words(jvm), words(settings)];
}

function words(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== "");
}

async function answers(url: string, text: RegExp): Promise<boolean> {
  try {
    return text.test(await (await fetch(url, { signal: AbortSignal.timeout(STOP_MS) })).text());
  } catch {
    return false;
  }
}

async function until(
  isSo: () => Promise<boolean>,
  folder: string,
  daemons: ReadonlyMap<string, ChildProcess>,
): Promise<void> {
  const end = Date.now() + START_MAX_MS;
  while (!(await isSo())) {
    for (const [name, { exitCode, signalCode }] of daemons)
      if (exitCode !== null || signalCode !== null)
        throw new Error(`${name} ended: ${await tailOf(folder, name)}`);
    if (Date.now() > end) throw new Error(`Flink did not start: ${await tailOf(folder, "jobmanager")}`);
    await wait(POLL_MS);
  }
}

async function tailOf(folder: string, name: string): Promise<string> {
  const texts = await Promise.all(
    ["out", "log"].map((ending) =>
      readFile(join(folder, "log", `${name}.${ending}`), "utf8").catch(() => ""),
    ),
  );
  return texts.join("\n").slice(-4000);
}

async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await ended;
  clearTimeout(timer);
}
