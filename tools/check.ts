/** `npm run check`: every static check at once, a line for each; fails when one fails, or looked at nothing. */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";

interface Check {
  readonly name: string;
  readonly holds: string;
  readonly args: readonly string[];
  /** Finds how many files were looked at in what the tool printed. */
  readonly looked: RegExp;
}

const ROOT = dirname(import.meta.dirname);

const CHECKS: readonly Check[] = [
  {
    name: "tsc",
    holds: "types",
    args: ["-p", ".", "--noEmit", "--listFiles"],
    looked: /^(?!.*node_modules).*\.ts$/gm,
  },
  {
    name: "depcruise",
    holds: "layers",
    args: ["src", "--config", ".dependency-cruiser.mjs"],
    looked: /(\d+) modules, \d+ dependencies cruised/,
  },
  { name: "biome", holds: "lint, format", args: ["check"], looked: /^Checked (\d+) files/m },
  {
    name: "knip",
    holds: "nothing unused",
    args: ["--no-progress", "--reporter", "symbols", "--reporter", "./tools/knip-count.mjs"],
    looked: /^Analysed (\d+) files/m,
  },
  { name: "jscpd", holds: "nothing twice", args: ["."], looked: /Total:\D*(\d+)/ },
  {
    name: "vitest",
    holds: "house rules",
    args: ["run", "tools/tidy.test.ts", "--reporter", "default"],
    looked: /Tests\D+(\d+) passed/,
  },
];

interface Finding {
  readonly good: boolean;
  readonly line: string;
  readonly output: string;
}

async function runCheck(check: Check): Promise<Finding> {
  const startedAt = performance.now();
  const { code, output } = await runTool(check);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const looked = countLooked(check.looked, output);
  const verdict = code !== 0 ? "FAILED" : looked === 0 ? "LOOKED AT NOTHING" : "ok";
  const line = `${check.name.padEnd(10)} ${check.holds.padEnd(15)} ${verdict} (${looked} looked at, ${seconds} s)`;
  return { good: verdict === "ok", line, output: withoutList(output) };
}

function runTool({ name, args }: Check): Promise<{ code: number | null; output: string }> {
  const tool = join(ROOT, "node_modules", ".bin", name);
  const child = spawn(process.execPath, [tool, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((settle, fail) => {
    child.once("error", fail);
    child.once("close", (code) => settle({ code, output }));
  });
}

/** The number that the tool names, or how often a pattern that matches every file is found. */
function countLooked(pattern: RegExp, output: string): number {
  if (pattern.global) return output.match(pattern)?.length ?? 0;
  return Number(pattern.exec(output)?.[1] ?? 0);
}

/** Without the list of files that was asked for only to be counted. */
function withoutList(output: string): string {
  return output.replaceAll(/^\/.*\.[cm]?ts\n/gm, "");
}

let good = true;
for (const finding of await Promise.all(CHECKS.map(runCheck))) {
  good &&= finding.good;
  console.log(finding.line);
  if (!finding.good) console.log(finding.output.trim());
}
process.exitCode = good ? 0 : 1;
