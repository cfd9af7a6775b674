/** A server in the register that is no process: a test claims in its name. */
import { randomBytes } from "node:crypto";
import type { DatabasePool } from "../../src/store/database.ts";
import { insertServer } from "../../src/store/servers.ts";

/** Gives its id; it has no session lock, and a lease that outlasts the test. */
export async function registerServer(
  pool: DatabasePool,
  id = randomBytes(16).toString("hex"),
): Promise<string> {
  const entry = { id, lockKey: null, host: "test", pid: 1, roles: ["worker"] };
  await insertServer(pool, entry, { now: new Date("2026-01-01T00:00:00Z"), leaseMs: 3_600_000 });
  return id;
}
