/** Tasks that go on behind the answer of the call that asked for them, and the lines of what each has done. */
import type { TaskLineState, TaskState } from "./states.ts";

/** A task as its list and its page show it. */
export interface Task {
  readonly projectId: string;
  readonly workspaceId: string;
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly state: TaskState;
  /** Why it did not go well; null where nothing is to be said. */
  readonly message: string | null;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly updatedAt: Date;
  readonly endedAt: Date | null;
}

/** One object that a task writes. */
export interface TaskLine {
  /** From 0, in the order in which they are written. */
  readonly no: number;
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly state: TaskLineState;
  readonly message: string | null;
  readonly updatedAt: Date;
}

/** How a task ended. */
export interface TaskEnd {
  readonly state: Exclude<TaskState, "running">;
  readonly message: string | null;
}

/** Longest message that is kept of a task or a line. */
export const TASK_MESSAGE_MAX = 4000;

/** Tasks of a project that may be under way or waiting at a time. */
export const TASKS_OPEN_MAX = 100;

/** Days that an ended task can be asked for. */
export const TASK_DAYS = 30;
