/** An application of YARN: its files on the cluster, and the request that starts it. No text of a user is in either's words. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { Fault } from "../domain/fault.ts";
import type { ClusterTask, CommandProgram, TaskFile } from "./cluster-adapter.ts";
import type { ClusterCaller } from "./cluster-call.ts";
import { launcherJar } from "./launcher-jar.ts";
import type { WebHdfs } from "./webhdfs.ts";

/** What of a cluster an application is made for. */
export interface YarnSite {
  readonly call: ClusterCaller;
  /** The name that the cluster has for its file system, `hdfs://…`. */
  readonly defaultFs: string;
  readonly user: string;
  readonly queue?: string;
}

/** Where a cluster names nobody. */
export const YARN_USER = "azalai";
/** In the user's home on the cluster; each application has a folder of its own in it. */
export const FOLDER_NAME = ".azalai";
const LAUNCHER = "azalai-launcher.jar";
const WORK_FILE = "azalai-work";
/** It stands in the words of a shell. */
const PLAIN_USER = /^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/;
const MEMORY_MB = 1024;
const LAUNCHER_HEAP_MB = 128;
/** YARN puts the separator of the node's system there. */
const SEPARATOR = "<CPS>";
/** Where a node of a usual installation has what programs need. */
const USUAL_CLASS_PATH = [
  "$HADOOP_CONF_DIR",
  ...["common", "hdfs", "yarn"].flatMap((part) => {
    const folder = `$HADOOP_${part.toUpperCase()}_HOME/share/hadoop/${part}`;
    return [`${folder}/*`, `${folder}/lib/*`];
  }),
].join(",");
const MAPREDUCE_CLASS_PATH = [
  "$HADOOP_MAPRED_HOME/share/hadoop/mapreduce/*",
  "$HADOOP_MAPRED_HOME/share/hadoop/mapreduce/lib/*",
  "$HADOOP_MAPRED_HOME/share/hadoop/tools/lib/*",
];

/** A file that YARN brings to the container, under a name of ours. */
interface StagedFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** Puts the program's files and its work file there; what an earlier try put there makes way. */
export async function stageApplication(
  files: WebHdfs,
  folder: string,
  { program }: ClusterTask,
): Promise<readonly StagedFile[]> {
  if (program.form !== "command")
    throw new Fault("invalid", "submission-refused", "YARN runs commands alone");
  await files.makeFolder(folder, { permission: "700" });
  const named: TaskFile[] = program.files.map((file, place) => ({ ...file, name: `f${place}` }));
  const own: TaskFile[] = [
    { name: LAUNCHER, open: async () => createReadStream(launcherJar()) },
    { name: WORK_FILE, open: async () => Readable.from([workFile(folder, program)]) },
  ];
  const staged: StagedFile[] = [];
  for (const { name, open } of [...named, ...own]) {
    const path = `${folder}/${name}`;
    await files.write(path, await open());
    const status = await files.status(path);
    if (status === undefined)
      throw new Fault("unavailable", "cluster-unreachable", `${path} is not there after it was written`);
    staged.push({ name, path, bytes: status.bytes, modifiedMs: status.modifiedMs });
  }
  return staged;
}

/** As `WorkFile.java` reads it. */
function workFile(folder: string, program: CommandProgram): string {
  const lines = [
    ...program.argv.map((word) => `arg ${encode(word)}`),
    ...Object.entries(program.environment).map(([name, value]) => `env ${encode(name)} ${encode(value)}`),
    ...program.files.map(({ name }, place) => `file ${encode(`f${place}`)} ${encode(name)}`),
    `folder ${encode(folder)}`,
  ];
  return `${lines.join("\n")}\n`;
}

function encode(word: string): string {
  return word === "" ? "-" : Buffer.from(word).toString("base64");
}

interface Application {
  readonly handle: { readonly applicationId: string };
  readonly task: ClusterTask;
  readonly staged: readonly StagedFile[];
}

/** Body of `POST /ws/v1/cluster/apps`. Source: ResourceManager REST API, "Cluster Applications API (Submit)". */
export async function applicationRequest(
  site: YarnSite,
  { handle, task, staged }: Application,
  signal: AbortSignal,
): Promise<unknown> {
  if (!PLAIN_USER.test(site.user))
    throw new Fault("invalid", "submission-refused", `"${site.user}" is no name of a user for YARN`);
  const classPath = [
    "{{PWD}}",
    `{{PWD}}/${LAUNCHER}`,
    ...(await siteClassPath(site.call, signal)),
    ...MAPREDUCE_CLASS_PATH,
  ];
  const java = `{{JAVA_HOME}}/bin/java -Xmx${LAUNCHER_HEAP_MB}m azalai.Launcher ${WORK_FILE}`;
  return {
    "application-id": handle.applicationId,
    "application-name": task.name,
    "application-type": "AZALAI",
    "application-tags": { tag: [task.key] },
    ...(site.queue !== undefined && { queue: site.queue }),
    // A second try of YARN's own would be a second run.
    "max-app-attempts": 1,
    resource: { memory: MEMORY_MB, vCores: 1 },
    "am-container-spec": {
      commands: { command: `${java} 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr` },
      environment: {
        entry: [
          { key: "CLASSPATH", value: classPath.join(SEPARATOR) },
          { key: "HADOOP_USER_NAME", value: site.user },
          // Java hands words on in the encoding of its locale, which a node manager may not have.
          { key: "LC_ALL", value: "C.UTF-8" },
        ],
      },
      "local-resources": { entry: staged.map((file) => localResource(site.defaultFs, file)) },
    },
  };
}

function localResource(defaultFs: string, { name, path, bytes, modifiedMs }: StagedFile) {
  const resource = `${defaultFs.replace(/\/+$/, "")}${path}`;
  return {
    key: name,
    value: { resource, type: "FILE", visibility: "APPLICATION", size: bytes, timestamp: modifiedMs },
  };
}

/** What the cluster's own settings say, which the resource manager shows. */
async function siteClassPath(call: ClusterCaller, signal: AbortSignal): Promise<readonly string[]> {
  const headers = { accept: "application/json" };
  const answer = await call(
    { method: "GET", path: "/conf?name=yarn.application.classpath", headers },
    signal,
  );
  const said = answer.status === 200 ? readProperty(answer.text) : undefined;
  return (said ?? USUAL_CLASS_PATH).split(",").map((part) => part.trim());
}

function readProperty(text: string): string | undefined {
  try {
    const { property } = JSON.parse(text);
    return typeof property?.value === "string" && property.value !== "" ? property.value : undefined;
  } catch {
    return undefined; // one that writes XML alone
  }
}
