/** Prints what the nodes of an instance wrote, as far as it goes or until the instance has ended. */
import { setTimeout as wait } from "node:timers/promises";
import type { AttemptView, InstanceView, NodeView } from "../api/console/instance-wire.ts";
import type { Client } from "./client.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { fetchInstance, rests } from "./follow.ts";

export interface LogChoice {
  /** Name of the node; all when absent. */
  readonly node?: string;
  /** The last one when absent; while following, each in turn. */
  readonly attempt?: number;
  readonly follow: boolean;
}

const LOOK_MS = 250;

/** Where the reading of one attempt's log has come to. */
interface Reading {
  readonly path: string;
  /** Before each line. */
  readonly prefix: string;
  readonly decoder: InstanceType<typeof TextDecoder>;
  position: number;
  /** The begun line: lines of several nodes do not mix. */
  begun: string;
  done: boolean;
}

/** Each line is preceded by its node's name when the instance has several nodes and none was chosen. */
export async function printLogs(client: Client, id: number, choice: LogChoice): Promise<void> {
  const readings = new Map<string, Reading>();
  for (;;) {
    const instance = await fetchInstance(client, id);
    await printInstance(client, instance, choice, readings);
    if (!choice.follow || rests(instance)) break;
    await wait(LOOK_MS);
  }
  for (const reading of readings.values()) printLines(reading, "", true);
}

async function printInstance(
  client: Client,
  instance: InstanceView,
  choice: LogChoice,
  readings: Map<string, Reading>,
): Promise<void> {
  const named = choice.node === undefined && instance.nodes.length > 1;
  for (const node of chooseNodes(instance, choice))
    for (const attempt of chooseAttempts(node, choice)) {
      const path = `/api/instances/${instance.id}/nodes/${node.no}/attempts/${attempt.attempt}/log`;
      const reading = readings.get(path) ?? beginReading(path, named ? `${node.name} | ` : "");
      readings.set(path, reading);
      await printNew(client, reading, attempt);
    }
}

function chooseNodes(instance: InstanceView, choice: LogChoice): readonly NodeView[] {
  if (choice.node === undefined) return instance.nodes;
  const nodes = instance.nodes.filter((node) => node.name === choice.node);
  if (nodes.length > 0) return nodes;
  const names = instance.nodes.map((node) => node.name).join(", ");
  throw new CommandFailure(
    EXIT.notFound,
    `instance ${instance.id} has no node "${choice.node}"; its nodes: ${names}`,
  );
}

function chooseAttempts(node: NodeView, choice: LogChoice): readonly AttemptView[] {
  if (choice.attempt !== undefined) return node.attempts.filter(({ attempt }) => attempt === choice.attempt);
  return choice.follow ? node.attempts : node.attempts.slice(-1);
}

function beginReading(path: string, prefix: string): Reading {
  return { path, prefix, decoder: new TextDecoder(), position: 0, begun: "", done: false };
}

async function printNew(client: Client, reading: Reading, { outcome, logBytes }: AttemptView): Promise<void> {
  const ended = outcome !== null;
  // An ended attempt is read once more: its last lines may be newer than the size that we were told.
  while (!reading.done && (ended || reading.position < logBytes)) {
    const response = await client.fetch("GET", reading.path, { query: { from: reading.position } });
    const bytes = new Uint8Array(await response.arrayBuffer());
    reading.position += bytes.length;
    printLines(reading, reading.decoder.decode(bytes, { stream: true }), false);
    if (bytes.length > 0) continue;
    reading.done = ended;
    break;
  }
  if (reading.done) printLines(reading, "", true);
}

function printLines(reading: Reading, text: string, toTheEnd: boolean): void {
  const lines = (reading.begun + text).split("\n");
  reading.begun = lines.pop() ?? "";
  if (toTheEnd && reading.begun !== "") {
    lines.push(reading.begun);
    reading.begun = "";
  }
  for (const line of lines) process.stdout.write(`${reading.prefix}${line}\n`);
}
