/**
 * HDFS, YARN and the history server as real daemons, in a network of their own: `hadoop-daemons.ts JARS FOLDER`, run by
 * `unshare --net`. Some of their ports open on every interface, so the network has the loopback alone; Unix sockets in
 * FOLDER lead to the ports that clients need. Words on standard input start and stop single daemons.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const [JARS = "", FOLDER = ""] = process.argv.slice(2);
const BIND = "127.0.0.1";
const CONF = join(FOLDER, "conf");
const PORTS = [8088, 8042, 9870, 9864, 19_888];
const HADOOP = "org.apache.hadoop";
const DAEMONS: Readonly<Record<string, string>> = {
  namenode: `${HADOOP}.hdfs.server.namenode.NameNode`,
  datanode: `${HADOOP}.hdfs.server.datanode.DataNode`,
  resourcemanager: `${HADOOP}.yarn.server.resourcemanager.ResourceManager`,
  nodemanager: `${HADOOP}.yarn.server.nodemanager.NodeManager`,
  history: `${HADOOP}.mapreduce.v2.hs.JobHistoryServer`,
};
const OPENED = "lang net io nio lang.reflect text time util util.concurrent util.concurrent.atomic".split(
  " ",
);
const JAVA = [
  "-Djava.net.preferIPv4Stack=true",
  "-XX:+UseSerialGC",
  "-XX:-UsePerfData",
  "-Xmx256m",
  ...["base/sun.net.util", "rmi/sun.rmi.registry", "security.jgss/sun.security.krb5"].map(
    (name) => `--add-exports=java.${name}=ALL-UNNAMED`,
  ),
  ...[...OPENED, "util.concurrent.locks"].map((name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`),
  "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
  "-cp",
  `${CONF}:${join(FOLDER, "web")}:${JARS}/*`,
];
const CLASS_PATH = `${CONF},${JARS}/*`;

const SETTINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "core-site.xml": {
    "fs.defaultFS": `hdfs://${BIND}:9820`,
    "hadoop.tmp.dir": join(FOLDER, "tmp"),
    "hadoop.http.staticuser.user": "azalai",
  },
  "hdfs-site.xml": {
    "dfs.replication": "1",
    "dfs.namenode.name.dir": `file://${FOLDER}/nn`,
    "dfs.datanode.data.dir": `file://${FOLDER}/dn`,
    "dfs.namenode.http-address": `${BIND}:9870`,
    "dfs.datanode.address": `${BIND}:9866`,
    "dfs.datanode.http.address": `${BIND}:9864`,
    "dfs.datanode.ipc.address": `${BIND}:9867`,
    "dfs.permissions.enabled": "false",
    "dfs.namenode.safemode.extension": "0",
    "dfs.namenode.datanode.registration.ip-hostname-check": "false",
    "dfs.datanode.hostname": BIND,
    "dfs.client.use.datanode.hostname": "true",
  },
  "yarn-site.xml": {
    "yarn.resourcemanager.hostname": BIND,
    "yarn.resourcemanager.bind-host": BIND,
    "yarn.resourcemanager.webapp.address": `${BIND}:8088`,
    "yarn.nodemanager.hostname": BIND,
    "yarn.nodemanager.bind-host": BIND,
    "yarn.nodemanager.address": `${BIND}:8041`,
    "yarn.nodemanager.webapp.address": `${BIND}:8042`,
    "yarn.nodemanager.aux-services": "mapreduce_shuffle",
    "yarn.nodemanager.local-dirs": join(FOLDER, "nm-local"),
    "yarn.nodemanager.log-dirs": join(FOLDER, "nm-logs"),
    "yarn.nodemanager.resource.memory-mb": "4096",
    "yarn.nodemanager.resource.cpu-vcores": "8",
    "yarn.scheduler.minimum-allocation-mb": "128",
    "yarn.nodemanager.vmem-check-enabled": "false",
    "yarn.nodemanager.pmem-check-enabled": "false",
    "yarn.nodemanager.disk-health-checker.enable": "false",
    "yarn.application.classpath": CLASS_PATH,
    "yarn.log-aggregation-enable": "true",
    "yarn.nodemanager.remote-app-log-dir": "/app-logs",
    "yarn.log.server.url": `http://${BIND}:19888/jobhistory/logs`,
    "yarn.resourcemanager.recovery.enabled": "true",
    "yarn.resourcemanager.store.class": `${HADOOP}.yarn.server.resourcemanager.recovery.FileSystemRMStateStore`,
    "yarn.resourcemanager.fs.state-store.uri": `file://${FOLDER}/rm-state`,
  },
  "mapred-site.xml": {
    "mapreduce.framework.name": "yarn",
    "mapreduce.application.classpath": CLASS_PATH,
    "yarn.app.mapreduce.am.resource.mb": "384",
    "yarn.app.mapreduce.am.command-opts": "-Xmx256m",
    "mapreduce.map.memory.mb": "256",
    "mapreduce.reduce.memory.mb": "256",
    "mapred.child.java.opts": "-Xmx180m",
    "mapreduce.task.io.sort.mb": "32",
    "yarn.app.mapreduce.am.staging-dir": "/user",
    "mapreduce.jobhistory.intermediate-done-dir": "/history/coming",
    "mapreduce.jobhistory.done-dir": "/history/done",
    "mapreduce.jobhistory.address": `${BIND}:10020`,
    "mapreduce.jobhistory.webapp.address": `${BIND}:19888`,
    "mapreduce.jobhistory.admin.address": `${BIND}:10033`,
    "yarn.app.mapreduce.am.env": `HADOOP_MAPRED_HOME=${JARS}`,
  },
  "capacity-scheduler.xml": {
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": "100",
    "yarn.scheduler.capacity.maximum-am-resource-percent": "0.8",
  },
};
const LOG = `log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
`;

const running = new Map<string, ChildProcess>();

function writeConfiguration(): void {
  for (const folder of [
    CONF,
    "nn",
    "dn",
    "nm-local",
    "nm-logs",
    "tmp",
    "web/webapps/hdfs",
    "web/webapps/datanode",
  ])
    mkdirSync(folder.startsWith("/") ? folder : join(FOLDER, folder), { recursive: true });
  for (const [name, settings] of Object.entries(SETTINGS)) {
    const lines = Object.entries(settings).map(
      ([key, value]) => `<property><name>${key}</name><value>${value}</value></property>`,
    );
    writeFileSync(join(CONF, name), `<configuration>${lines.join("\n")}</configuration>\n`);
  }
  writeFileSync(join(CONF, "log4j.properties"), LOG);
}

function start(name: string): void {
  const main = DAEMONS[name];
  if (main === undefined || running.has(name)) return;
  const log = createWriteStream(join(FOLDER, `${name}.log`), { flags: "a" });
  const child = spawn("java", [...JAVA, main], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, JAVA_HOME: javaHome() },
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  running.set(name, child);
  child.once("exit", () => running.delete(name));
}

async function stop(name: string, signal: NodeJS.Signals): Promise<void> {
  const child = running.get(name);
  if (child === undefined) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

/** Containers are started by it. */
function javaHome(): string {
  const path = execFileSync("which", ["java"], { encoding: "utf8" }).trim();
  return process.env.JAVA_HOME ?? dirname(dirname(realpathSync(path)));
}

/** What comes on a Unix socket of that name goes to the port. */
function forward(port: number): void {
  const server = createServer((outer) => {
    const inner = connect(port, BIND);
    outer.pipe(inner).pipe(outer);
    outer.on("error", () => inner.destroy());
    inner.on("error", () => outer.destroy());
  });
  server.listen(join(FOLDER, `${port}.sock`));
}

execFileSync("ip", ["link", "set", "lo", "up"]);
writeConfiguration();
if (!existsSync(join(FOLDER, "nn/current")))
  execFileSync("java", [...JAVA, `${HADOOP}.hdfs.server.namenode.NameNode`, "-format", "-nonInteractive"], {
    stdio: "ignore",
  });
for (const name of Object.keys(DAEMONS)) start(name);
for (const port of PORTS) forward(port);

const words = createInterface({ input: process.stdin });
words.on("line", async (line) => {
  const [verb = "", name = ""] = line.split(" ");
  if (verb === "start") start(name);
  if (verb === "kill") await stop(name, "SIGKILL");
  process.stdout.write(`${line}\n`);
});
words.once("close", async () => {
  await Promise.all([...running.keys()].map((name) => stop(name, "SIGKILL")));
  process.exit(0);
});
