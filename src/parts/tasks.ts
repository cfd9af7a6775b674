/** Tasks that go on behind an answer: what each kind of them does, and the loop of this server that carries them out. */
import { createPackageCodec } from "../api/factory/package-codec.ts";
import { type ImportDeps, importPackage } from "../catalog/package-import.ts";
import type { Observe } from "../domain/observation.ts";
import type { Loop } from "../engine/loop.ts";
import { createTaskLoop } from "../engine/tasks.ts";

export interface TaskSurroundings extends Omit<ImportDeps, "codec"> {
  readonly observe: Observe;
  /** Of schedules that name none. */
  readonly timeZone: string;
}

/** Not started. */
export function createTasks(surroundings: TaskSurroundings): Loop {
  const { pool, now, observe, timeZone } = surroundings;
  const imports = { ...surroundings, codec: createPackageCodec(timeZone) };
  return createTaskLoop({ pool, now, observe, run: (task, signal) => importPackage(imports, task, signal) });
}
