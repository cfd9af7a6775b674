/** Follows an instance to its end, with a line of progress. */
import { setTimeout as wait } from "node:timers/promises";
import type { InstanceView, NodeView } from "../api/console/instance-wire.ts";
import type { Client } from "./client.ts";
import { createProgress } from "./terminal.ts";

/** Between two looks; an instance is a handful of rows. */
const LOOK_MS = 200;

const ENDED: readonly NodeView["state"][] = ["succeeded", "failed", "skipped", "cancelled"];
const RESTING: readonly InstanceView["state"][] = ["succeeded", "failed", "stopped", "skipped", "suspended"];

export async function fetchInstance(client: Client, id: number): Promise<InstanceView> {
  return (await client.send("GET", `/api/instances/${id}`)) as InstanceView;
}

/** Whether the instance does nothing more by itself: it has ended, or a failed node waits for somebody's decision. */
export function rests(instance: InstanceView): boolean {
  return RESTING.includes(instance.state);
}

/** The instance once it rests; `onLook` sees each state on the way. */
export async function followInstance(
  client: Client,
  id: number,
  onLook: (instance: InstanceView) => void = () => undefined,
): Promise<InstanceView> {
  const progress = createProgress();
  try {
    for (;;) {
      const instance = await fetchInstance(client, id);
      onLook(instance);
      if (rests(instance)) return instance;
      progress.show(describeProgress(instance));
      await wait(LOOK_MS);
    }
  } finally {
    progress.clear();
  }
}

function describeProgress(instance: InstanceView): string {
  const ended = instance.nodes.filter((node) => ENDED.includes(node.state)).length;
  const running = instance.nodes.filter((node) => node.state === "running").map((node) => node.name);
  const now = running.length > 0 ? `: ${running.join(", ")}` : "";
  return `${instance.jobName} ${instance.id} ${instance.state}, ${ended} of ${instance.nodes.length} nodes ended${now}`;
}
