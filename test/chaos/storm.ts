/** Two services on one database that are killed, frozen and robbed of it again and again while they work. */
import { strict as assert } from "node:assert";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { signalProcess } from "../../src/operators/process-table.ts";
import { seeded } from "../setup/seeded.ts";
import { type Service, startService } from "../setup/service.ts";
import { findProcesses, livesStill, type MetProcess } from "./processes.ts";
import { countUnended, judge, type Verdict, withDatabase } from "./verdict.ts";

export interface StormRequest {
  /** The same seed asks for the same strikes in the same order. */
  readonly seed: number;
  /** Whether to strike once more, after so many strikes. */
  readonly goesOn: (strikes: number) => boolean;
  readonly report: (line: string) => void;
}

export interface StormReport extends Verdict {
  readonly strikes: Readonly<Record<Strike, number>>;
  readonly accepted: number;
  /** Calls that were not answered, or with 503: nothing is known of them. */
  readonly refused: number;
  /** Processes of nodes that were seen to run. */
  readonly met: number;
}

/** `database` kills PostgreSQL's first process, which takes the others along; `freeze` stops a service for a while. */
const STRIKES = ["first", "second", "both", "database", "database-and-first", "freeze"] as const;
type Strike = (typeof STRIKES)[number];

const RUNS_PER_STRIKE = 10;
/** Strikes are at most so far apart. */
const CALM_MS_MAX = 1_200;
const FREEZE_MS = 1_500;
/** How long the last strike's work may take to end. */
const END_MS_MAX = 120_000;

/** Places of a job's 15 nodes, those before each: layers of three to five, a chain, and a fan. */
const SHAPES: readonly (readonly (readonly number[])[])[] = [
  [[], [], [], [0], [0, 1], [1, 2], [2], [3, 4], [5, 6], [7], [7, 8], [8], [9], [10, 11], [12, 13]],
  [[], ...Array.from({ length: 14 }, (_, place) => [place])],
  [[], ...Array.from({ length: 13 }, () => [0]), Array.from({ length: 13 }, (_, place) => place + 1)],
];
const NODES = 15;
/** Places that run a command; the others are `Dummy`. */
const SHELLS = [1, 6, 11];
const TICKING = "every-second";

/** Plays a storm to its end, on a data folder of its own, and judges what it left. */
export async function playStorm({ seed, goesOn, report }: StormRequest): Promise<StormReport> {
  const random = seeded(seed);
  // In the environment of the services and the words of their nodes' commands: what shows it is of this storm.
  const mark = randomBytes(6).readUIntBE(0, 6).toString().padStart(15, "0");
  process.env.CHAOS_MARK = mark;
  const first = await startService();
  const pair: Pair = { dataDir: first.dataDir, services: [first, await startService(first)] };
  try {
    const user = { service: first, token: await first.token() };
    await saveJobs(user, mark);
    const from = await startTicking(user);
    const strikes: Record<Strike, number> = {
      first: 0,
      second: 0,
      both: 0,
      database: 0,
      "database-and-first": 0,
      freeze: 0,
    };
    const calls: Calls = { accepted: [], refused: 0, odd: [] };
    const met: MetProcess[] = [];
    let deck: Strike[] = [];
    for (let count = 0; goesOn(count); count += 1) {
      if (deck.length === 0) deck = [...STRIKES];
      const [strike = "first"] = deck.splice(Math.floor(random() * deck.length), 1);
      const running = runJobs(await logIn(pair), calls);
      await wait(random() * CALM_MS_MAX);
      met.push(...findProcesses(mark));
      await STRIKE[strike](pair);
      strikes[strike] += 1;
      await running;
      report(`${count + 1} ${strike}: ${calls.accepted.length} accepted, ${calls.refused} unanswered`);
    }
    const to = await stopTicking(await afterStorm(pair));
    const asked = {
      accepted: calls.accepted,
      nodesOfEach: NODES,
      ticking: { jobName: TICKING, from, to },
    };
    const verdict = await withDatabase(pair.dataDir, async (database) => {
      const deadline = performance.now() + END_MS_MAX;
      while ((await countUnended(database)) > 0 && performance.now() < deadline) await wait(200);
      return await judge(database, asked);
    });
    met.push(...findProcesses(mark));
    await removePair(pair);
    const left = [...findProcesses(mark), ...met.filter(livesStill)];
    return {
      ...verdict,
      problems: [
        ...verdict.problems,
        ...calls.odd,
        ...left.map(({ words }) => `a process was left: ${words}`),
      ],
      strikes,
      accepted: calls.accepted.length,
      refused: calls.refused,
      met: met.filter(({ words }) => words.includes(`sleep 600.${mark}`)).length,
    };
  } catch (error) {
    await removePair(pair);
    throw error;
  }
}

interface Pair {
  readonly dataDir: string;
  readonly services: [Service, Service];
}

const STRIKE: Readonly<Record<Strike, (pair: Pair) => Promise<void>>> = {
  first: (pair) => killAndStart(pair, [0]),
  second: (pair) => killAndStart(pair, [1]),
  both: (pair) => killAndStart(pair, [0, 1]),
  database: killDatabase,
  "database-and-first": async (pair) => {
    await killDatabase(pair);
    await killAndStart(pair, [0]);
  },
  freeze: async ({ services: [frozen] }) => {
    frozen.signal("SIGSTOP");
    await wait(FREEZE_MS);
    frozen.signal("SIGCONT");
  },
};

async function killAndStart({ dataDir, services }: Pair, places: readonly (0 | 1)[]): Promise<void> {
  await Promise.all(places.map((place) => services[place].kill()));
  for (const place of places) services[place] = await startService({ dataDir });
}

async function killDatabase({ dataDir }: Pair): Promise<void> {
  const file = join(dataDir, "postgres", "cluster", "data", "postmaster.pid");
  const text = await readFile(file, "utf8").catch(() => ""); // it is being started again since the last strike
  const pid = Number(text.split("\n")[0]);
  // It may have ended by itself since, with the service that was struck.
  if (pid > 0) signalProcess(pid, "SIGKILL");
}

async function removePair({ services: [first, second] }: Pair): Promise<void> {
  await second.stop();
  await first.remove();
}

interface Calls {
  readonly accepted: number[];
  refused: number;
  /** Answers that no strike explains. */
  readonly odd: string[];
}

interface LoggedIn {
  readonly service: Service;
  /** Empty where the log-in failed. */
  readonly token: string;
}

async function logIn({ services }: Pair): Promise<LoggedIn[]> {
  return await Promise.all(
    services.map(async (service) => ({
      service,
      token: (await service.token().catch(unanswered)) ?? "",
    })),
  );
}

/** When the first service takes log-ins again. */
async function afterStorm(pair: Pair): Promise<LoggedIn> {
  for (;;) {
    const [first] = await logIn(pair);
    if (first !== undefined && first.token !== "") return first;
    await wait(100);
  }
}

/** Asks both services for runs; a call may die with its service or its database. */
async function runJobs(pair: readonly LoggedIn[], calls: Calls): Promise<void> {
  await Promise.all(
    Array.from({ length: RUNS_PER_STRIKE }, async (_, run) => {
      const { service, token } = pair[run % pair.length] ?? assert.fail("a storm has services");
      const path = `/jobs/shape${run % SHAPES.length}/run-immediate`;
      const answer = token === "" ? undefined : await call(service, token, path, {}).catch(unanswered);
      if (answer?.status === 200) calls.accepted.push(JSON.parse(answer.text).instanceId);
      else if (answer === undefined || answer.status === 503) calls.refused += 1;
      else calls.odd.push(`run-immediate answered ${answer.status} ${answer.text}`);
    }),
  );
}

/** `fetch` fails with a TypeError where the connection does. */
function unanswered(error: unknown): undefined {
  if (!(error instanceof TypeError)) throw error;
}

async function saveJobs({ service, token }: LoggedIn, mark: string): Promise<void> {
  // What it leaves in the background is ended with it, also when that is by a kill of the service.
  const script = `sleep 600.${mark} > /dev/null 2>&1 &\nsleep 0.05${mark}\n`;
  for (const [shape, nodes] of SHAPES.entries())
    await expectDone(
      call(service, token, "/jobs", {
        name: `shape${shape}`,
        processType: "BATCH",
        schedule: { type: "EXECUTE_ONCE" },
        nodes: nodes.map((before, place) => ({
          name: `n${place}`,
          location: { x: place, y: 0 },
          preNodeName: before.map((one) => `n${one}`),
          ...(SHELLS.includes(place)
            ? { type: "Shell", properties: [{ name: "statement", value: script }] }
            : { type: "Dummy", properties: [] }),
        })),
      }),
    );
}

/** A job that is due every second; gives the first second at which it is. */
async function startTicking({ service, token }: LoggedIn): Promise<Date> {
  await expectDone(call(service, token, "/jobs", tickingJob()));
  await expectDone(call(service, token, `/jobs/${TICKING}/start`, {}));
  return nextSecond(2);
}

/** Lets the schedule end by itself, a little later, so that nothing that it planned is stopped; gives its last second. */
async function stopTicking({ service, token }: LoggedIn): Promise<Date> {
  const to = nextSecond(3);
  await expectDone(call(service, token, `/jobs/${TICKING}`, tickingJob(to), "PUT"));
  await wait(to.getTime() - Date.now() + 1_000);
  return to;
}

function tickingJob(endTime?: Date): object {
  return {
    name: TICKING,
    processType: "BATCH",
    schedule: {
      type: "CRON",
      cron: {
        expression: "* * * * * ?",
        expressionTimeZone: "UTC",
        startTime: "2020-01-01T00:00:00Z",
        ...(endTime && { endTime: endTime.toISOString().replace(".000", "") }),
      },
    },
    nodes: [{ name: "tick", type: "Dummy", location: { x: 0, y: 0 }, properties: [] }],
  };
}

function nextSecond(ahead: number): Date {
  return new Date((Math.floor(Date.now() / 1000) + ahead) * 1000);
}

async function expectDone(answer: ReturnType<typeof call>): Promise<void> {
  const { status, text } = await answer;
  if (status !== 204) throw new RangeError(`the service answered ${status} ${text}`);
}

async function call(service: Service, token: string, path: string, body: unknown, method = "POST") {
  const answer = await fetch(`${service.url}/v1/${service.credentials.projectId}${path}`, {
    method,
    headers: { "x-auth-token": token, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}
