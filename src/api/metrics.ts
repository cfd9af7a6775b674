/** The service in numbers, as Prometheus reads them: gathered from what the service observes, asked for with a token. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { LANES, type Lane } from "../domain/instance.ts";
import type { Observation, Observe } from "../domain/observation.ts";
import type { DatabasePool } from "../store/database.ts";
import { readLoad } from "../store/load.ts";
import type { OnStatement } from "../store/statement-times.ts";

export interface MetricsDeps {
  readonly now: () => Date;
  /** Of this server, by lane; none where it runs no nodes. */
  readonly slots: Readonly<Partial<Record<Lane, number>>>;
}

export interface Metrics {
  readonly observe: Observe;
  readonly onStatement: OnStatement;
  /** All numbers in the text format; asks the database how much work there is. */
  readonly render: (pool: DatabasePool) => Promise<string>;
  readonly contentType: string;
}

/** From a millisecond to a minute. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** How often the event loop is timed. Each time wakes the process: at the library's 10 ms that was a third of its idle cost. */
const EVENT_LOOP_MS = 50;

export function createMetrics({ now, slots }: MetricsDeps): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_MS });
  const numbers = createNumbers(registry);
  for (const lane of LANES) numbers.slotsUsed.set({ lane }, 0);
  for (const [lane, count] of Object.entries(slots)) numbers.slots.set({ lane }, count);
  return {
    observe: (observation) => count(numbers, observation),
    onStatement: (statement, milliseconds) => {
      numbers.statement.observe(milliseconds / 1000);
      numbers.statementSeconds.inc({ statement }, milliseconds / 1000);
      numbers.statements.inc({ statement });
    },
    render: async (pool) => {
      await lookAtLoad(numbers, pool, now());
      return await registry.metrics();
    },
    contentType: registry.contentType,
  };
}

type Numbers = ReturnType<typeof createNumbers>;

function createNumbers(registry: Registry) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name: `azalai_${name}`, help, labelNames, registers });
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name: `azalai_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Histogram({ name: `azalai_${name}`, help, labelNames, buckets: SECONDS, registers });
  return {
    lateness: histogram(
      "planned_run_lateness_seconds",
      "From a planned time until its run's first node begins, where it waits for no other.",
    ),
    missed: counter("planned_runs_missed_total", "Planned times that nobody saw in time."),
    dispatch: histogram("dispatch_seconds", "From ready to begun, of a sample of node runs."),
    ready: gauge("ready_node_runs", "Node runs that wait for a slot, up to 10,000.", "lane"),
    readySeconds: gauge("oldest_ready_seconds", "How long the first of these has waited.", "lane"),
    waiting: gauge("waiting_instances", "Instances that wait for others, up to 10,000."),
    slots: gauge("slots", "Attempts that this server runs at a time, at most.", "lane"),
    slotsUsed: gauge("slots_used", "Attempts that this server runs now.", "lane"),
    attempts: counter("attempts_total", "Attempts that ended on this server.", "lane", "outcome"),
    instances: counter("instances_ended_total", "Instances whose end this server wrote.", "state"),
    notices: counter("notice_tries_total", "Tries of this server to deliver a notice.", "outcome"),
    servers: gauge("servers", "Servers that are registered."),
    serversLost: counter("servers_lost_total", "Servers that this one found dead."),
    requeued: counter("attempts_requeued_total", "Attempts of dead servers that this one made ready again."),
    failures: counter("loop_failures_total", "Rounds of the server's duties that failed.", "loop"),
    statement: histogram("statement_seconds", "Statements to the database, from here and back."),
    statementSeconds: counter("statement_seconds_by_name_total", "The time of each statement.", "statement"),
    statements: counter("statements_total", "How often each statement was made.", "statement"),
    requests: histogram("http_request_seconds", "Requests answered.", "face", "method", "status"),
    databaseUp: gauge("database_up", "Whether the database answered this reading."),
  };
}

/** What each observation counts; those that are no number have none. */
const COUNTS: {
  readonly [Event in Observation["event"]]?: (
    numbers: Numbers,
    seen: Extract<Observation, { readonly event: Event }>,
  ) => void;
} = {
  "planned-run-started": ({ lateness }, { lateMilliseconds }) => lateness.observe(lateMilliseconds / 1000),
  "planned-runs-missed": ({ missed }, { count }) => missed.inc(count),
  "dispatch-sampled": ({ dispatch }, { milliseconds }) => {
    for (const one of milliseconds) dispatch.observe(one / 1000);
  },
  "attempt-started": ({ slotsUsed }, { lane }) => slotsUsed.inc({ lane }),
  "attempt-ended": ({ slotsUsed, attempts }, { lane, outcome }) => {
    slotsUsed.dec({ lane });
    attempts.inc({ lane, outcome });
  },
  "instance-ended": ({ instances }, { state }) => instances.inc({ state }),
  "notice-tried": ({ notices }, { outcome }) => notices.inc({ outcome }),
  "server-lost": ({ serversLost, requeued }, seen) => {
    serversLost.inc();
    requeued.inc(seen.requeued);
  },
  "loop-failed": ({ failures }, { loop }) => failures.inc({ loop }),
  "request-done": ({ requests }, { face = "none", method, status, milliseconds }) =>
    requests.observe({ face, method, status: String(status) }, milliseconds / 1000),
};

function count(numbers: Numbers, seen: Observation): void {
  const counted = COUNTS[seen.event] as ((numbers: Numbers, seen: Observation) => void) | undefined;
  counted?.(numbers, seen);
}

/** A database that does not answer is a number, too. */
async function lookAtLoad(numbers: Numbers, pool: DatabasePool, now: Date): Promise<void> {
  try {
    const load = await readLoad(pool, LANES, now);
    for (const { lane, ready, since } of load.lanes) {
      numbers.ready.set({ lane }, ready);
      const waited = since === null ? 0 : Math.max(0, now.getTime() - since.getTime());
      numbers.readySeconds.set({ lane }, waited / 1000);
    }
    numbers.waiting.set(load.waiting);
    numbers.servers.set(load.servers);
    numbers.databaseUp.set(1);
  } catch {
    numbers.databaseUp.set(0);
  }
}

export interface MetricsRoute {
  readonly metrics: Metrics;
  readonly token: string;
  readonly pool: DatabasePool;
}

/** `GET /metrics` for whoever has the token; for nobody else, from wherever they ask. */
export function addMetricsRoute(app: FastifyInstance, { metrics, token, pool }: MetricsRoute): void {
  const wanted = digest(`Bearer ${token}`);
  app.get("/metrics", async (request, reply) => {
    const given = digest(request.headers.authorization ?? "");
    if (timingSafeEqual(given, wanted))
      return reply.type(metrics.contentType).send(await metrics.render(pool));
    const error = "the metrics are given to who sends their token: Authorization: Bearer …";
    return reply.code(401).header("www-authenticate", "Bearer").send({ error });
  });
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
