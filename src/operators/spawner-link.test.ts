/** The service's link to its spawner: where the spawner's code is kept from one start to the next. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { enableCompileCache, getCompileCacheDir } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { operatorWorld } from "../../test/setup/operators.ts";

test("a spawner keeps its code, without types, where the service keeps its own", async () => {
  const folder = await mkdtemp(join(tmpdir(), "azalai-code-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  enableCompileCache(folder);
  const kept = getCompileCacheDir() ?? "";
  const before = await readdir(kept).catch(() => []);
  const world = await operatorWorld();
  const { outcome } = await world.run({ type: "Shell", properties: { statement: "true" } });
  expect(outcome.state).toBe("succeeded");
  await world.close();
  expect((await readdir(kept)).length).toBeGreaterThan(before.length);
});
