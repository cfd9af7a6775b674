/**
 * `npm run simulate [-- --seed N] [--jobs N] [--days N] [--from DATE]`: plays a world of schedules and faults on the real
 * engine and an embedded database, and judges the ledger. The same seed plays the same world again.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openDatabase } from "../../src/store/database.ts";
import { openEmbedded } from "../../src/store/embedded.ts";
import { MIGRATIONS_FOLDER, migrate } from "../../src/store/migrate.ts";
import { createJudge, SETTLED_DAYS } from "./verdict.ts";
import { createWorld } from "./world.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "1000" },
    days: { type: "string", default: "3653" },
    from: { type: "string", default: "2016-01-01" },
  },
});
const from = Date.parse(`${values.from}T00:00:00Z`);
const to = from + Number(values.days) * 86_400_000;
const [seed, jobs] = [Number(values.seed), Number(values.jobs)];
if (!Number.isSafeInteger(seed) || !(jobs > 0) || !(to > from))
  throw new RangeError("--seed takes a whole number, --jobs and --days numbers above 0, --from a date");

const folder = await mkdtemp(join(tmpdir(), "azalai-simulate-"));
// Nothing here has to outlive the machine.
const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_wal_size: "2GB" };
const embedded = await openEmbedded(join(folder, "postgres"), () => undefined, { settings });
const { pool, close } = await openDatabase(embedded.connection, () => undefined, { connectionsMax: 40 });
try {
  const client = await pool.connect();
  await migrate(
    client,
    MIGRATIONS_FOLDER,
    () => new Date(from),
    () => undefined,
  );
  client.release();
  const began = performance.now();
  const world = await createWorld({ pool, connection: embedded.connection }, { seed, jobs, from, to });
  const judge = createJudge(pool, world.story, from, to);
  const seconds = () => Math.round((performance.now() - began) / 1000);
  await world.play(async (time) => {
    await judge.judgeUntil(time - SETTLED_DAYS * 86_400_000);
    const { checked, lost, unexplained, doubled } = judge.verdict();
    const wrong = `${lost} lost, ${unexplained} unexplained, ${doubled} doubled`;
    console.log(
      `${new Date(time).toISOString().slice(0, 10)}  ${checked} checked: ${wrong}  (${seconds()} s, ${megabytes()} MB)`,
    );
  });
  await judge.judgeUntil(to);
  const { problems, ...verdict } = judge.verdict();
  const { events, served } = world.story;
  console.log(
    JSON.stringify({ seed, ...events, moments: served.length, ...verdict, seconds: seconds() }, null, 2),
  );
  for (const problem of problems) console.log(problem);
  const good = verdict.checked > 0 && verdict.lost + verdict.unexplained + verdict.doubled === 0;
  console.log(
    good ? "0 lost, 0 unexplained, 0 doubled" : `the ledger is wrong; play it again with --seed ${seed}`,
  );
  process.exitCode = good ? 0 : 1;
} finally {
  await close();
  await embedded.stop();
  await rm(folder, { recursive: true, force: true });
}

function megabytes(): number {
  return Math.round(process.memoryUsage.rss() / 1024 ** 2);
}
