/** The Spark thrift server of this machine: SQL for Spark and Hive, with tables that a project keeps. */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { localHiveTarget } from "./hive-connection.ts";
import type { LocalClusters } from "./local-clusters.ts";
import type { EngineCommand, EngineStart, LocalEngine, LocalSqlServer } from "./local-engine.ts";
import { ENGINE_DATA } from "./local-engine.ts";
import type { SqlLimits } from "./settings.ts";
import { openThriftLine } from "./thrift-line.ts";

const MAIN = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2";
const HEAP_MIB = 1024;
/** What Spark's own starter opens of Java for it. Source: Spark 4.0, JavaModuleOptions. */
const OPENED = [
  ...["java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util"],
  ...["java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs"],
  ...["sun.security.action", "sun.util.calendar"],
];
const OPTIONS = [
  "-XX:+IgnoreUnrecognizedVMOptions",
  "--add-modules=jdk.incubator.vector",
  ...OPENED.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`),
  "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
  "-Djdk.reflect.useDirectMethodHandle=false",
  "-Dio.netty.tryReflectionSetAccessible=true",
  "-Djava.net.preferIPv4Stack=true",
  "-XX:-UsePerfData",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=4",
  `-Xmx${HEAP_MIB}m`,
  "-XX:MaxMetaspaceSize=512m",
  "-XX:+ExitOnOutOfMemoryError",
];
/** Warnings alone: what statements do is told to who sent them. */
const LOGGING = `rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1}: %m%n%ex
`;

function createSparkSqlEngine(limits: SqlLimits, threads = 2): LocalEngine {
  return {
    name: "spark-sql",
    title: "The SQL server of Spark",
    software: "spark",
    prepare: async (start) => {
      const conf = join(start.base, "conf");
      await placeClass(conf, "azalai", "SqlDoor");
      await placeClass(join(conf, "patch"), "com/sun/security/auth/module", "UnixSystem");
      await writeFile(join(conf, "log4j2.properties"), LOGGING);
      await writeFile(join(conf, "hive-site.xml"), hiveSite(start));
      return commandOf(start, threads);
    },
    answers: async (place, signal) => {
      try {
        const line = await openThriftLine(localHiveTarget(limits, place), signal);
        line.close();
        return true;
      } catch {
        return false; // it starts, or another process has the port: the caller looks whether it lives
      }
    },
  };
}

/** The thrift server as what nodes are given. */
export function sparkSqlServer(clusters: LocalClusters, limits: SqlLimits): LocalSqlServer {
  const engine = createSparkSqlEngine(limits);
  return { use: (projectId, context, body) => clusters.use(engine, projectId, context, body) };
}

/** A class of ours, whose source stands beside it. */
async function placeClass(classPath: string, folder: string, name: string): Promise<void> {
  await mkdir(join(classPath, folder), { recursive: true, mode: 0o755 });
  const source = fileURLToPath(new URL(`./java/${name}.class`, import.meta.url));
  await copyFile(source, join(classPath, folder, `${name}.class`));
}

/** Its own main class at once: Spark's starter would only set what stands here. */
function commandOf({ software, seenAs, secret }: EngineStart, threads: number): EngineCommand {
  const [home, data] = [join(software, "pyspark"), join(seenAs, ENGINE_DATA)];
  const settings = {
    "spark.master": `local[${threads}]`,
    "spark.app.name": "azalai",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.catalogImplementation": "hive",
    "spark.sql.warehouse.dir": `file:${data}/warehouse`,
    "spark.local.dir": `${data}/scratch`,
    "spark.sql.shuffle.partitions": String(threads * 2),
    "derby.system.home": data,
    "derby.stream.error.file": "/dev/null",
    "java.io.tmpdir": `${data}/scratch`,
    "user.home": data,
    "user.name": "azalai",
  };
  return {
    command: "sh",
    // What is left of the last start is of no use.
    args: [
      "-c",
      'umask 077; cd "$1" && rm -rf scratch && mkdir -p scratch warehouse && shift && exec "$@"',
      "sh",
      data,
      "java",
      ...OPTIONS,
      `--patch-module=jdk.security.auth=${join(seenAs, "conf/patch")}`,
      ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`),
      "-cp",
      `${join(seenAs, "conf")}:${home}/jars/*`,
      MAIN,
    ],
    environment: { SPARK_HOME: home, SPARK_LOCAL_IP: "127.0.0.1", HOME: data, AZALAI_ENGINE_SECRET: secret },
  };
}

function hiveSite({ port, seenAs }: EngineStart): string {
  const data = join(seenAs, ENGINE_DATA);
  const members = {
    "javax.jdo.option.ConnectionURL": `jdbc:derby:;databaseName=${data}/metastore;create=true`,
    "hive.metastore.warehouse.dir": `file:${data}/warehouse`,
    "hive.exec.scratchdir": `${data}/scratch/hive`,
    "hive.exec.local.scratchdir": `${data}/scratch/hive`,
    "hive.downloaded.resources.dir": `${data}/scratch/resources`,
    "hive.querylog.location": `${data}/scratch/queries`,
    "hive.server2.logging.operation.log.location": `${data}/scratch/operations`,
    "hive.server2.thrift.bind.host": "127.0.0.1",
    "hive.server2.thrift.port": String(port),
    "hive.server2.authentication": "CUSTOM",
    "hive.server2.custom.authentication.class": "azalai.SqlDoor",
    "hive.server2.enable.doAs": "false",
  };
  const lines = Object.entries(members).map(
    ([name, value]) => `  <property><name>${name}</name><value>${escaped(value)}</value></property>`,
  );
  return `<configuration>\n${lines.join("\n")}\n</configuration>\n`;
}

function escaped(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
