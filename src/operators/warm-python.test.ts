import { test } from "vitest";
import { operatorWorld } from "../../test/setup/operators.ts";

test("time", async () => {
  const world = await operatorWorld();
  const run = (statement: string, warm = true) => world.run({ type: "Python", properties: { statement }, ...(warm && { warm: { by: "a", modules: [] } }) });
  console.log(await run("import os, sys\nprint(os.getpid(), os.getcwd(), sys.argv, sys.path, __file__, dict(os.environ))\nos.system('ls -l /proc/self/fd')"));
  for (const warm of [true, false]) {
    const t = performance.now();
    for (let i = 0; i < 40; i++) { const r = await run("print(1)", warm); if (r.outcome.state !== "succeeded") console.log(r); }
    console.log(warm, performance.now() - t);
  }
  const t = performance.now();
  for (let i = 0; i < 40; i++) await world.run({type: "Shell", properties: {statement: "true"}});
  console.log("shell", performance.now() - t);
  console.log(await run("raise ValueError('x')"));
  console.log(await run("x = ("));
  await world.close();
});
