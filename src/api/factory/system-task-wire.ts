/** System tasks as DataArts Factory v1 writes them (dataarts-factory 4.9). */
import { type Static, Type } from "typebox";
import type { TaskLineState, TaskState } from "../../domain/states.ts";
import type { Task, TaskLine } from "../../domain/task.ts";
import { Milliseconds, timeMember } from "./time-wire.ts";

const STATUSES: Readonly<Record<TaskState | TaskLineState, string>> = {
  running: "RUNNING",
  successful: "SUCCESSFUL",
  failed: "FAILED",
  warning: "WARNING",
};
const Status = Type.Enum(Object.values(STATUSES));

const SystemSubtask = Type.Object({
  id: Type.String(),
  name: Type.String({ description: "Of the object that is written." }),
  lastUpdate: Milliseconds,
  status: Status,
  taskId: Type.String(),
  message: Type.Optional(Type.String()),
});

/** `subTasks` repeats `subtasks`: an older client reads it by that name. */
export const SystemTask = Type.Object({
  id: Type.String(),
  name: Type.String(),
  startTime: Milliseconds,
  endTime: Type.Optional(Milliseconds),
  lastUpdate: Milliseconds,
  status: Status,
  projectId: Type.String(),
  message: Type.Optional(Type.String({ description: "Why it did not go well." })),
  subtasks: Type.Array(SystemSubtask),
  subTasks: Type.Array(SystemSubtask),
});

export function encodeTask(task: Task, lines: readonly TaskLine[]): Static<typeof SystemTask> {
  const taskId = encodeTaskId(task.id);
  const subtasks = lines.map((line) => encodeLine(line, taskId));
  return {
    id: taskId,
    name: task.name,
    startTime: task.createdAt.getTime(),
    ...timeMember("endTime", task.endedAt),
    lastUpdate: task.updatedAt.getTime(),
    status: STATUSES[task.state],
    projectId: task.projectId,
    ...(task.message !== null && { message: task.message }),
    subtasks,
    subTasks: subtasks,
  };
}

function encodeLine(line: TaskLine, taskId: string): Static<typeof SystemSubtask> {
  return {
    id: encodeTaskId(line.id),
    name: line.name,
    lastUpdate: line.updatedAt.getTime(),
    status: STATUSES[line.state],
    taskId,
    ...(line.message !== null && { message: line.message }),
  };
}

/** With the dashes of a UUID. */
export function encodeTaskId(id: string): string {
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
