/**
 * `npm run oracle [-- --seed N] [--expressions N] [--keep FILE]`: generates expressions and instants, has Quartz itself
 * answer them (Java and Maven are needed), and holds our evaluator against the answers. `--keep` writes a choice of
 * them: some of every kind.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { judge, readVector, type Verdict } from "./judge.ts";

const COMPLAINTS_MAX = 20;
const KEPT_OF_A_KIND = 5;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "20261123" },
    expressions: { type: "string", default: "25000" },
    keep: { type: "string" },
  },
});

const counts: Record<Verdict, number> = { same: 0, policy: 0, wrong: 0 };
const kinds = new Map<string, number>();
const zones = new Set<string>();
const kept: string[] = [];
const keptOf = new Map<string, number>();

const build = join(import.meta.dirname, "../../.cache/cron-oracle");
const pom = `--file=${join(import.meta.dirname, "pom.xml")}`;
const maven = spawn(
  "mvn",
  ["--quiet", "--batch-mode", "-Dstyle.color=never", pom, "compile", "dependency:copy-dependencies"],
  {
    stdio: ["ignore", 2, "inherit"],
  },
);
if ((await once(maven, "exit"))[0] !== 0) process.exit(1);
const path = `${join(build, "classes")}:${join(build, "lib")}/*`;
const quartz = spawn("java", ["-cp", path, "oracle.CronPairs", values.seed, values.expressions], {
  stdio: ["ignore", "pipe", "inherit"],
});
const ended = once(quartz, "exit");
for await (const line of createInterface({ input: quartz.stdout })) take(line);
const [code] = await ended;
report();
if (values.keep !== undefined) await writeFile(values.keep, `${kept.join("\n")}\n`);
process.exit(code === 0 && counts.wrong === 0 && counts.same > 0 ? 0 : 1);

function take(line: string): void {
  const vector = readVector(line);
  const verdicts = judge(vector);
  zones.add(vector.zone);
  for (const mark of new Set(vector.kind.split(" ")))
    kinds.set(mark, (kinds.get(mark) ?? 0) + vector.pairs.length);
  verdicts.forEach(({ verdict, ours }, n) => {
    counts[verdict] += 1;
    const { after = 0, next = 0 } = vector.pairs[n] ?? {};
    if (verdict === "wrong" && counts.wrong <= COMPLAINTS_MAX)
      console.log(
        `${vector.expression} in ${vector.zone} after ${text(after)}: Quartz ${text(next)}, ours ${text(ours)}`,
      );
  });
  keep(line, [...new Set(vector.kind.split(" "))].sort().join(" "), verdicts);
}

/** The first of each kind, and of each kind that the policy for clock changes decides. */
function keep(line: string, kind: string, verdicts: readonly { verdict: Verdict }[]): void {
  const of = verdicts.some(({ verdict }) => verdict === "policy") ? `${kind} policy` : kind;
  const before = keptOf.get(of) ?? 0;
  if (before >= KEPT_OF_A_KIND) return;
  keptOf.set(of, before + 1);
  kept.push(line);
}

function text(instant: number): string {
  return Number.isFinite(instant) ? new Date(instant).toISOString() : "never";
}

function report(): void {
  const total = counts.same + counts.policy + counts.wrong;
  console.log(
    `${total} pairs of expression and instant, ${values.expressions} expressions, ${zones.size} zones`,
  );
  console.log(`  ${counts.same} answered as Quartz does`);
  console.log(`  ${counts.policy} at clock changes, where our policy differs from Quartz (decision 0003)`);
  console.log(`  ${counts.wrong} wrong`);
  const marks = [...kinds].sort(([, a], [, b]) => b - a).map(([mark, count]) => `${mark} ${count}`);
  console.log(`  of these: ${marks.join(", ")}`);
}
