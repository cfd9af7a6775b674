/** What a server runs at a time, and who gives way to whom. */
import { expect, test } from "vitest";
import { type EngineWorld, engineWorld, node, testOperator } from "../../test/setup/engine-world.ts";
import type { JobDefinition } from "../domain/job.ts";
import type { Operator } from "../operators/operator.ts";
import { indexOperators, pin } from "./definitions.ts";
import type { Engine } from "./operations.ts";
import { startInstances } from "./start.ts";

/** On a busy machine. */
const SOON = { timeout: 15_000 };

/** Attempts that last until they are told to end, and the names of their nodes in the order of their starts. */
function held() {
  const started: string[] = [];
  const going: { readonly name: string; readonly end: () => void }[] = [];
  const operator = testOperator(
    ({ nodeName: name }) =>
      new Promise((resolve) => {
        started.push(name);
        going.push({ name, end: () => resolve({ state: "succeeded" }) });
      }),
  );
  const endOne = (name: string) => {
    const place = going.findIndex((one) => one.name === name);
    for (const one of going.splice(place, 1)) one.end();
  };
  return { operator, started, endOne };
}

async function start(
  world: EngineWorld,
  engine: Engine,
  { operator, name, background }: { operator: Operator; name: string; background: boolean },
): Promise<void> {
  const definition: JobDefinition = {
    kind: "batch",
    nodes: [node(name)],
    parameters: [],
    schedule: { type: "once" },
    priority: 0,
    dryRun: false,
  };
  const now = new Date();
  const one = {
    projectId: world.projectId,
    workspaceId: "default",
    name,
    pinned: pin(definition),
    origin: "manual",
    parameters: {},
    plannedAt: now,
    by: "test",
    waits: false,
    background,
  } as const;
  await startInstances(world.database.pool, [one], { operators: indexOperators([operator]), now });
  engine.wake();
}

test("background work uses only the slots that are left, and takes none from other work", async () => {
  const world = await engineWorld();
  const { operator, started, endOne } = held();
  const slots = { inline: 10, process: 3, stream: 1, child: 10, remote: 10 };
  const engine = await world.newEngine({ operators: [operator], slots });
  const settled = async () =>
    (await world.database.pool.query("select from instance where ended_at is not null")).rowCount;
  const behind = ["behind", "behind", "behind"];
  const ahead = ["ahead", "ahead", "ahead"];
  await engine.start();
  for (let n = 0; n < 5; n++) await start(world, engine, { operator, name: "behind", background: true });
  await expect.poll(() => started, SOON).toEqual(behind);
  // All slots are used in the background: other work starts nevertheless, as much of it as there are slots.
  for (let n = 0; n < 4; n++) await start(world, engine, { operator, name: "ahead", background: false });
  await expect.poll(() => started, SOON).toEqual([...behind, ...ahead]);
  // Nothing is left now: what ends in the background is not followed by more of it.
  for (const name of behind) endOne(name);
  await expect.poll(settled, SOON).toBe(3);
  endOne("ahead");
  await expect.poll(() => started, SOON).toEqual([...behind, ...ahead, "ahead"]);
  for (const name of ahead) endOne(name);
  await expect.poll(() => started, SOON).toEqual([...behind, ...ahead, "ahead", "behind", "behind"]);
  for (const name of behind) endOne(name);
  await expect.poll(settled, SOON).toBe(9);
});
