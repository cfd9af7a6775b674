/** What commands about packages share: an answer kept as a file, and an import that is followed to its end. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { type Command, Option } from "commander";
import type { Client } from "./client.ts";
import { connectFor, part, wantsJson } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { createProgress, formatTable, printResult } from "./terminal.ts";

export type SameName = "skip" | "overwrite";

export function sameNameOption(): Option {
  return new Option("--same-name <policy>", "what to do where a name is taken")
    .choices(["skip", "overwrite"] satisfies SameName[])
    .default("skip");
}

/** Writes the body of an answer into a file of this machine, and says so. */
export async function saveAnswer(command: Command, { body }: Response, file: string): Promise<void> {
  const content = body === null ? Readable.from([]) : Readable.fromWeb(body);
  await pipeline(content, createWriteStream(file)).catch((error: Error) => {
    throw new CommandFailure(EXIT.failed, `${file}: ${error.message}`, error);
  });
  printResult(wantsJson(command), { file }, () => file);
}

interface TaskView {
  readonly status: string;
  readonly message?: string;
  readonly subtasks: readonly { readonly name: string; readonly status: string; readonly message?: string }[];
}

/** Begins an import of jobs or connections, waits for its end and prints what became of each object. */
export async function importFrom(command: Command, of: "jobs" | "connections", body: object): Promise<void> {
  const client = await connectFor(command);
  const path = `/v1/${client.projectId}/${of}/import`;
  const { taskId } = (await client.send("POST", path, { body })) as { readonly taskId: string };
  const task = await followTask(client, taskId);
  printResult(wantsJson(command), task, () =>
    formatTable(
      ["NAME", "STATUS", "WHAT"],
      task.subtasks.map(({ name, status, message }) => [name, status, message]),
    ),
  );
  if (task.status !== "SUCCESSFUL") throw new CommandFailure(EXIT.failed, task.message ?? task.status);
}

/** Between two looks. */
const LOOK_MS = 200;

/** The task when it has ended. */
async function followTask(client: Client, taskId: string): Promise<TaskView> {
  const progress = createProgress();
  try {
    for (;;) {
      const path = `/v1/${client.projectId}/system-tasks/${part(taskId)}`;
      const task = (await client.send("GET", path)) as TaskView;
      if (task.status !== "RUNNING") return task;
      const done = task.subtasks.filter(({ status }) => status !== "RUNNING").length;
      progress.show(`${done} of ${task.subtasks.length} imported`);
      await wait(LOOK_MS);
    }
  } finally {
    progress.clear();
  }
}
