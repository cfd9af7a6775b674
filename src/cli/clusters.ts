/** `azalai clusters`: where work runs, registered, tried and chosen. */
import { type Command, InvalidArgumentError } from "commander";
import type { ClusterList, ClusterTestView, ClusterView } from "../api/console/cluster-wire.ts";
import { connectFor, part, readJson, wantsJson } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { addFetchCommand } from "./local-software.ts";
import { formatFacts, formatTable, formatTime, printResult } from "./terminal.ts";

export function addClustersCommands(program: Command): void {
  const clusters = program
    .command("clusters")
    .description("where work runs: add, test, list, show, remove, default, fetch");
  addAddCommand(clusters);
  clusters
    .command("test")
    .argument("<name>")
    .description("asks each service of a cluster who it is; ends with 1 where one does not answer")
    .action(test);
  clusters.command("list").description("the clusters that the project may use").action(list);
  clusters.command("show").argument("<name>").description("a cluster, secrets masked").action(show);
  clusters.command("remove").argument("<name>").description("forgets a cluster").action(remove);
  clusters
    .command("default")
    .argument("<name>", "of the cluster, or none")
    .option("--whole-project", "of the project, instead of the workspace")
    .description("chooses where nodes run that name no cluster")
    .action(choose);
  addFetchCommand(clusters);
}

function addAddCommand(clusters: Command): void {
  clusters
    .command("add")
    .argument("<name>")
    .option("--yarn <url>", "of the ResourceManager")
    .option("--history <url>", "of YARN's history server")
    .option("--webhdfs <url>", "of the NameNode")
    .option("--default-fs <address>", "such as hdfs://namenode:9820; goes with --webhdfs")
    .option("--hadoop-user <name>", "whom YARN and HDFS know")
    .option("--spark <url>", "of the submission server")
    .option("--spark-master <address>", "spark://host:port; goes with --spark")
    .option("--spark-ui <url>", "of the master's pages; goes with --spark")
    .option("--hive <host:port>", "of HiveServer2 or of Spark's thrift server", hostAndPort)
    .option("--flink <url>", "of the JobManager")
    .option("--sql-gateway <url>", "of Flink's SQL gateway; goes with --flink")
    .option("--ray <url>", "of the dashboard")
    .option("--s3 <connection>", "whose buckets the cluster reads by itself")
    .option(
      "--file <file>",
      "JSON: description, services, public, protected, as docs/clusters.md has them; - reads standard input",
    )
    .option("--description <text>")
    .option("--public", "other projects may run on it")
    .description("registers a cluster that is there already, or replaces the one of that name")
    .action(add);
}

interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

function hostAndPort(text: string): HostAndPort {
  const [, host, port] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (host === undefined) throw new InvalidArgumentError("It must be written host:port.");
  return { host, port: Number(port) };
}

interface AddOptions {
  readonly yarn?: string;
  readonly history?: string;
  readonly webhdfs?: string;
  readonly defaultFs?: string;
  readonly hadoopUser?: string;
  readonly spark?: string;
  readonly sparkMaster?: string;
  readonly sparkUi?: string;
  readonly hive?: HostAndPort;
  readonly flink?: string;
  readonly sqlGateway?: string;
  readonly ray?: string;
  readonly s3?: string;
  readonly file?: string;
  readonly description?: string;
  readonly public?: boolean;
}

/** What a file says goes before what words say. */
async function add(name: string, options: AddOptions, command: Command): Promise<void> {
  const { file, description } = options;
  const given = file === undefined ? {} : await readJson(file);
  if (typeof given !== "object" || given === null)
    throw new CommandFailure(EXIT.usage, `${file}: a cluster is a JSON object`);
  const services = "services" in given && typeof given.services === "object" ? given.services : {};
  const client = await connectFor(command);
  const cluster = (await client.send("PUT", pathOf(name), {
    body: {
      ...(description !== undefined && { description }),
      ...(options.public === true && { public: true }),
      ...given,
      services: { ...servicesOf(options), ...services },
    },
  })) as ClusterView;
  printResult(
    wantsJson(command),
    cluster,
    () =>
      `cluster ${name} is registered with ${Object.keys(cluster.services).join(", ")}; azalai clusters test ${name} tries it`,
  );
}

function servicesOf(options: AddOptions): Readonly<Record<string, unknown>> {
  const { hadoopUser: user } = options;
  const services = {
    yarn: options.yarn && { resourceManager: options.yarn, historyServer: options.history, user },
    hdfs: options.webhdfs && { webhdfs: options.webhdfs, defaultFs: options.defaultFs, user },
    spark: options.spark && { rest: options.spark, master: options.sparkMaster, ui: options.sparkUi },
    hive: options.hive,
    flink: options.flink && { rest: options.flink, sqlGateway: options.sqlGateway },
    ray: options.ray && { dashboard: options.ray },
    s3: options.s3 && { connection: options.s3 },
  };
  return Object.fromEntries(Object.entries(services).filter(([, members]) => members !== undefined));
}

async function test(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const { services } = (await client.send("POST", `${pathOf(name)}/test`)) as ClusterTestView;
  printResult(wantsJson(command), services, () =>
    services.length === 0
      ? "this server speaks to no service of it"
      : formatTable(
          ["SERVICE", "ANSWERS", "DETAIL"],
          services.map(({ service, ok, detail }) => [service, ok ? "yes" : "no", detail]),
        ),
  );
  const silent = services.filter(({ ok }) => !ok).map(({ service }) => service);
  if (silent.length > 0)
    throw new CommandFailure(EXIT.failed, `cluster ${name} does not answer: ${silent.join(", ")}`);
}

async function list(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const answer = (await client.send("GET", "/api/clusters")) as ClusterList;
  const defaultOf = (id: string) =>
    answer.defaults
      .filter(({ clusterId }) => clusterId === id)
      .map(({ workspace }) => workspace ?? "(project)")
      .join(", ");
  printResult(wantsJson(command), answer, () =>
    formatTable(
      ["CLUSTER", "STATE", "SERVICES", "DEFAULT OF", "WHY"],
      answer.clusters.map(({ id, name, state, services, stateText }) => [
        name,
        state,
        Object.keys(services).join(", "),
        defaultOf(id),
        stateText,
      ]),
    ),
  );
}

async function show(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const cluster = (await client.send("GET", pathOf(name))) as ClusterView;
  const { id, description, plugin, state, stateText, checkedAt, services } = cluster;
  printResult(wantsJson(command), cluster, () =>
    formatFacts([
      ["cluster", cluster.name],
      ["id", id],
      ["description", description],
      ["plug-in", `${plugin.name} ${plugin.version}`],
      ["state", stateText === null ? state : `${state}: ${stateText}`],
      ["looked at (UTC)", checkedAt === null ? null : formatTime(checkedAt)],
      ["public", cluster.public],
      ...Object.entries(services).map(([service, members]) => [service, JSON.stringify(members)] as const),
    ]),
  );
}

async function remove(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", pathOf(name));
  printResult(wantsJson(command), { removed: name }, () => `cluster ${name} is registered no more`);
}

async function choose(
  name: string,
  { wholeProject = false }: { readonly wholeProject?: boolean },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const cluster = name === "none" ? null : name;
  const path = wholeProject ? "/api/cluster-default/project" : "/api/cluster-default";
  await client.send("PUT", path, { body: { cluster } });
  const owner = wholeProject ? "the project" : "the workspace";
  printResult(wantsJson(command), { cluster, wholeProject }, () =>
    cluster === null
      ? `${owner} has no cluster of its own choice any more`
      : `nodes of ${owner} that name no cluster run on ${cluster}`,
  );
}

function pathOf(name: string): string {
  return `/api/clusters/${part(name)}`;
}
