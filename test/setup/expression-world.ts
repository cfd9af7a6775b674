/** A world for tests of expressions: a job planned for Saturday 2024-01-06 01:30 in Shanghai. */
import type { World } from "../../src/domain/expression-world.ts";

/** The world, with some of it changed. */
export function worldOf(changes: Partial<World> = {}): World {
  const none = () => undefined;
  return {
    job: { name: "daily-sales", projectId: "0123456789abcdef0123456789abcdef" },
    planTime: new Date("2024-01-05T17:30:00Z"),
    startTime: new Date("2024-01-05T17:30:04Z"),
    now: new Date("2024-01-05T17:30:05Z"),
    zone: "Asia/Shanghai",
    jobParameter: none,
    environment: none,
    scriptParameter: none,
    nodeStatus: none,
    nodeOutput: none,
    ...changes,
  };
}

/** A lookup in a table. */
export function lookupIn(table: Readonly<Record<string, string>>): (name: string) => string | undefined {
  return (name) => (Object.hasOwn(table, name) ? table[name] : undefined);
}
