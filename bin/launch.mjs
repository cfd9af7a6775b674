/** What the scripts of package.json call: prepares the clone, then does what the script is called for. */
import { join } from "node:path";
import { preparePython } from "./python.mjs";
import { exitWith, run, runOurs } from "./run.mjs";
import { LaunchError, prepare, ROOT } from "./toolchain.mjs";

const [target, ...args] = process.argv.slice(2);

const bin = (name) => join(ROOT, "node_modules", ".bin", name);
const here = { cwd: ROOT };

/** Each gets the Node to run on and the user's further words, and gives the exit code. */
const TARGETS = {
  start: (node) => runOurs(node, [join(ROOT, "src", "cli", "cli.ts"), "serve", "--demo", ...args]),
  demo: (node) => runOurs(node, [join(ROOT, "src", "cli", "cli.ts"), "demo", ...args]),
  test,
  "test:engines": testEngines,
  check: (node) => run(node, [join(ROOT, "tools", "check.ts"), ...args], here),
  bench: (node) => runOurs(node, [join(ROOT, "bench", "bench.ts"), ...args], here),
  chaos: (node) => runOurs(node, [join(ROOT, "test", "chaos", "chaos.ts"), ...args], here),
  "schema-fuzz": schemaFuzz,
  fuzz: (node) => runOurs(node, [join(ROOT, "test", "fuzz", "fuzz.ts"), ...args], here),
  simulate: (node) => runOurs(node, [join(ROOT, "test", "simulator", "simulate.ts"), ...args], here),
  model: (node) => runOurs(node, [join(ROOT, "test", "model", "model.ts"), ...args], here),
  oracle: (node) => run(node, [join(ROOT, "tools", "cron-oracle", "compare.ts"), ...args], here),
  format: (node) => run(node, [bin("biome"), "check", "--write", ...args], here),
};

/** The whole: checks, then every test. With words, e.g. `npm test -- src/domain`, only the tests that they choose. */
async function test(node) {
  const python = preparePython();
  const checked = args.length > 0 ? 0 : await TARGETS.check(node);
  const env = { ...process.env, AZALAI_TEST_PYTHON: python };
  const tested = await run(node, [bin("vitest"), "run", ...args], { ...here, env });
  return checked || tested;
}

/** Work on real engines, one file after the other; with words, those that they choose. */
async function testEngines(node) {
  const env = { ...process.env, AZALAI_TEST_PYTHON: preparePython() };
  const vitest = [bin("vitest"), "run", "--config", "vitest.engines.config.ts", ...args];
  return await run(node, vitest, { ...here, env });
}

async function schemaFuzz(node) {
  const env = { ...process.env, AZALAI_TEST_PYTHON: preparePython() };
  const program = join(ROOT, "test", "schema-fuzz", "schema-fuzz.ts");
  return await run(node, [program, ...args], { ...here, env });
}

await exitWith(() => {
  if (!Object.hasOwn(TARGETS, target ?? ""))
    throw new LaunchError(`say one of: ${Object.keys(TARGETS).join(", ")}`);
  return TARGETS[target](prepare());
});
