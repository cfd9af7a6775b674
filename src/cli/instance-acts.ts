/** `azalai instances pause` and its kin, `azalai nodes`: what people do to runs, to one or to many by a filter. */
import { type Command, Option } from "commander";
import type { BulkReply } from "../api/console/instance-act-wire.ts";
import type { InstanceAct } from "../engine/instance-acts.ts";
import { connectFor, nameAndValue, wantsJson, wholeNumber } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { formatTable, printResult } from "./terminal.ts";

const ACTS = {
  pause: "nothing more of it starts; what runs goes on",
  resume: "a paused run goes on",
  stop: "ends it as stopped; what runs is told to end",
  "force-success": "ends it as succeeded, whatever its nodes did or do",
} as const;

const NODE_ACTS = {
  pause: ["pause-node", "it does not start, and those behind it wait"],
  resume: ["resume-node", "a paused node goes on"],
  skip: ["skip-node", "passes over a node that failed or whose turn has come; those behind it go on"],
  succeed: ["succeed-node", "counts such a node as succeeded"],
} as const;

/** Under `instances`. */
export function addInstanceActs(instances: Command): void {
  for (const act of ["pause", "resume", "stop", "force-success"] as const)
    addFilter(instances.command(act))
      .argument("[id]", "the instance; without it, all that the options say", wholeNumber(1))
      .description(ACTS[act])
      .action((id, options, command) => operate(command, id, options, { act }));
  addFilter(instances.command("rerun"))
    .argument("[id]", "the instance; without it, all that the options say", wholeNumber(1))
    .addOption(
      new Option("--begin <where>", "with the first nodes or the failed ones").choices(["first", "failed"]),
    )
    .option("--node <name>", "with this node and all below it")
    .option("--current-version", "as the job is now, rather than as it was")
    .option("-p, --param <name=value>", "another value for a parameter; may be repeated", nameAndValue)
    .description("runs ended or suspended runs again, under their plan times")
    .action((id, options, command) => operate(command, id, options, rerunOf(options)));
}

export function addNodesCommands(program: Command): void {
  const nodes = program.command("nodes").description("nodes of a run: pause, resume, skip, succeed");
  for (const word of ["pause", "resume", "skip", "succeed"] as const) {
    const [act, description] = NODE_ACTS[word];
    nodes
      .command(word)
      .argument("<instance>", "the run", wholeNumber(1))
      .argument("<node>", "the node's name")
      .description(description)
      .action((id: number, node: string, _options: unknown, command: Command) =>
        operateOne(command, id, { act, node }),
      );
  }
}

interface FilterOptions {
  readonly job?: string;
  readonly exact?: boolean;
  readonly state?: readonly string[];
  readonly origin?: readonly string[];
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
}

function addFilter(command: Command): Command {
  return command
    .option("--job <name>", "runs of jobs whose name holds this")
    .option("--exact", "the name given with --job is the whole name")
    .option("--state <states...>", "runs in one of these states, as `instances show` names them")
    .option("--origin <origins...>", "runs that were started so: schedule, manual, backfill, …")
    .option("--since <time>", "planned at or after this, e.g. 2026-11-23T08:00Z")
    .option("--until <time>", "planned at or before this")
    .option("--limit <n>", "the newest runs of them, at most", wholeNumber(1));
}

interface RerunOptions {
  readonly begin?: "first" | "failed";
  readonly node?: string;
  readonly currentVersion?: boolean;
  readonly param?: Readonly<Record<string, string>>;
}

function rerunOf({ begin, node, currentVersion, param }: RerunOptions): InstanceAct {
  if (begin !== undefined && node !== undefined)
    throw new CommandFailure(EXIT.usage, "--begin and --node exclude each other");
  const from = node === undefined ? begin : { node };
  return {
    act: "rerun",
    ...(from !== undefined && { from }),
    ...(currentVersion === true && { version: "current" }),
    ...(param !== undefined && { parameters: param }),
  };
}

async function operate(
  command: Command,
  id: number | undefined,
  options: FilterOptions,
  act: InstanceAct,
): Promise<void> {
  if (id !== undefined) return await operateOne(command, id, act);
  const filter = filterOf(options);
  if (Object.keys(filter).length === 0)
    throw new CommandFailure(EXIT.usage, "name a run, or say by options which ones");
  const client = await connectFor(command);
  const { limit } = options;
  const body = { act, filter, ...(limit !== undefined && { limit }) };
  const reply = (await client.send("POST", "/api/instance-acts", { body })) as BulkReply;
  printResult(wantsJson(command), reply, () => formatBulk(reply));
}

function filterOf({ job, exact, state, origin, since, until }: FilterOptions) {
  return {
    ...(job !== undefined && { job }),
    ...(exact !== undefined && { exact }),
    ...(state !== undefined && { states: state }),
    ...(origin !== undefined && { origins: origin }),
    ...(since !== undefined && { plannedFrom: momentOf(since) }),
    ...(until !== undefined && { plannedTo: momentOf(until) }),
  };
}

function momentOf(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new CommandFailure(EXIT.usage, `"${text}" is no date`);
  return time.toISOString();
}

async function operateOne(command: Command, id: number, act: InstanceAct): Promise<void> {
  const client = await connectFor(command);
  const reply = (await client.send("POST", `/api/instances/${id}/acts`, { body: act })) as { state: string };
  printResult(wantsJson(command), reply, () => `instance ${id} ${reply.state}`);
}

function formatBulk({ results, total }: BulkReply): string {
  const table = formatTable(
    ["INSTANCE", "DONE", "WHY NOT"],
    results.map(({ instanceId, done, message }) => [instanceId, done ? "yes" : "no", message]),
  );
  const done = results.filter((result) => result.done).length;
  return `${table}\n${done} done, ${results.length - done} refused, of ${total}`;
}
