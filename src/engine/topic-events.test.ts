/** Jobs that start on the messages of a topic: a real broker, a real database, several servers. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates } from "../../test/setup/certificates.ts";
import { engineWorld, node, type TestWork } from "../../test/setup/engine-world.ts";
import { type KafkaBroker, kafkaMissing, startKafka } from "../../test/setup/kafka.ts";
import { NO_SOURCES } from "../../test/setup/no-sources.ts";
import type { EventSchedule } from "../domain/event.ts";
import { createConnectionTest } from "../operators/connection-tests.ts";
import { createTopicReaders } from "../operators/kafka-topic.ts";
import type { WorkConnection } from "../operators/operator.ts";
import { OPERATOR_DEFAULTS } from "../operators/settings.ts";
import { connectDirectly } from "../store/direct-connection.ts";
import { listEventSources } from "../store/event-sources.ts";
import { listLedger } from "../store/ledger.ts";
import type { EngineDeps } from "./engine.ts";
import { explainJob } from "./why.ts";

const without = await kafkaMissing();
let kafka: KafkaBroker;
let topics = 0;

beforeAll(async () => {
  if (without === undefined) kafka = await startKafka();
}, 240_000);

afterAll(async () => {
  await kafka?.stop();
});

const connection = (config: Readonly<Record<string, unknown>> = {}): WorkConnection => ({
  name: "broker",
  type: "Kafka",
  config: { brokers: kafka.address, ...config },
  warehouse: false,
});

const openTopic = createTopicReaders({ allowedAddresses: ["loopback"] });

async function newTopic(partitions = 1): Promise<string> {
  topics += 1;
  const topic = `topic-${topics}`;
  await kafka.createTopic(topic, partitions);
  return topic;
}

/** A job that each message of a new topic starts; `seen` has the data of its runs. */
async function setup(
  changes: Partial<EventSchedule> = {},
  run?: TestWork,
  partitions = 1,
  config: Readonly<Record<string, unknown>> = {},
) {
  const topic = await newTopic(partitions);
  const seen: string[] = [];
  const world = await engineWorld((work, context) => {
    seen.push(work.properties.data ?? "");
    return run?.(work, context) ?? { state: "succeeded" };
  });
  const { pool } = world.database;
  const event: EventSchedule = {
    source: "topic",
    channel: `broker/${topic}`,
    failPolicy: "suspend",
    concurrent: 10,
    readFrom: "last",
    ...changes,
  };
  const properties = { data: "#{Job.eventData}" };
  const jobId = await world.addJob({
    nodes: [node("a", [], { properties })],
    schedule: { type: "event", event },
  });
  const sources = { ...NO_SOURCES, openTopic, loadConnection: async () => connection(config) };
  const source = async () => (await listEventSources(pool, world.projectId, 1))[0];
  return {
    world,
    topic,
    seen,
    source,
    blockers: async () => (await explainJob({ db: pool }, world.projectId, jobId))?.blockers,
    request: { projectId: world.projectId, jobId, by: "ann" },
    newEngine: (changes: Partial<EngineDeps> = {}) => world.newEngine({ sources, ...changes }),
    ledger: async () => {
      const filter = { workspaceId: "default", jobId };
      return (await listLedger(pool, world.projectId, filter, { limit: 100 })).map(({ state }) => state);
    },
    /** Resolves when the source knows where it stands: what is sent from then on is read. */
    listening: () => expect.poll(async () => (await source())?.position).not.toBeNull(),
  };
}

test.skipIf(without)(
  "each message from the start on becomes one run, whichever partition has it",
  async () => {
    const { topic, seen, request, newEngine, listening, ledger, source } = await setup({}, undefined, 3);
    await kafka.send(topic, ["before"], 1);
    const engine = await newEngine();
    await engine.start();
    await engine.startJob(request);
    await listening();
    await kafka.send(topic, ["one", "two"], 0);
    await kafka.send(topic, ["three \0 \u{1f42a}"], 2);
    await expect.poll(() => seen.length).toBe(3);
    expect(seen.toSorted()).toEqual(["one", "three  \u{1f42a}", "two"]);
    await expect.poll(ledger).toEqual(["started", "started", "started"]);
    expect(await source()).toMatchObject({ lag: 0, position: { offsets: { 0: "2", 1: "1", 2: "1" } } });
  },
);

test.skipIf(without)("a start goes on behind the last message that was taken", async () => {
  const { topic, seen, request, newEngine, listening } = await setup();
  const engine = await newEngine();
  await engine.start();
  await engine.startJob(request);
  await listening();
  await kafka.send(topic, ["1"]);
  await expect.poll(() => seen.length).toBe(1);
  await engine.stopJob(request);
  await kafka.send(topic, ["2"]);
  await engine.startJob(request);
  await expect.poll(() => seen).toEqual(["1", "2"]);
});

test.skipIf(without)("a failed run pauses the source, and what follows waits in the topic", async () => {
  const { topic, seen, request, newEngine, listening, source } = await setup(
    { concurrent: 1 },
    ({ properties }) =>
      properties.data === "bad" ? { state: "failed", message: "no" } : { state: "succeeded" },
  );
  const engine = await newEngine();
  await engine.start();
  await engine.startJob(request);
  await listening();
  await kafka.send(topic, ["bad", "good"]);
  await expect.poll(async () => (await source())?.state).toBe("paused");
  expect(await source()).toMatchObject({ position: { offsets: { 0: "1" } }, lag: 1 });
  expect(seen).toEqual(["bad"]);
  await engine.resumeEvents(request);
  await expect.poll(() => seen).toEqual(["bad", "good"]);
});

test.skipIf(without)("one server reads a topic at a time, and another goes on when it is gone", async () => {
  const { world, topic, seen, request, newEngine, listening, ledger } = await setup();
  const { pool } = world.database;
  const holder = async () =>
    (await pool.query<{ held_by: string | null }>("select held_by from event_source")).rows[0]?.held_by;
  const first = await newEngine();
  await first.start();
  await first.startJob(request);
  await listening();
  const before = await holder();
  const second = await newEngine();
  await second.start();
  await kafka.send(
    topic,
    Array.from({ length: 30 }, (_, index) => `${index}`),
  );
  await expect.poll(() => seen.length).toBeGreaterThan(10);
  await first.stop();
  await kafka.send(topic, ["last"]);
  await expect.poll(() => seen.length).toBe(31);
  expect(new Set(seen).size).toBe(31);
  await expect.poll(ledger).toHaveLength(31);
  expect(await holder()).not.toBe(before);
});

test.skipIf(without)("a topic that a dead server read is read on by another, and nothing twice", async () => {
  const { world, topic, seen, request, newEngine, listening } = await setup();
  let dead = false;
  const first = await newEngine({
    connect: () =>
      dead ? Promise.reject(new RangeError("dead")) : connectDirectly(world.database.connection),
  });
  await first.start();
  await first.startJob(request);
  await listening();
  const second = await newEngine();
  await second.start();
  dead = true;
  await kafka.send(
    topic,
    Array.from({ length: 20 }, (_, index) => `${index}`),
  );
  await world.database.pool.query(
    `select pg_terminate_backend(l.pid) from pg_locks l
     join (select lock_key from server order by started_at limit 1) s
       on l.locktype = 'advisory' and (l.classid::bigint << 32 | l.objid::bigint) = s.lock_key`,
  );
  await world.observed((one) => one.event === "server-lost");
  await kafka.send(topic, ["last"]);
  await expect.poll(() => new Set(seen).size).toBe(21);
  const { rows } = await world.database.pool.query("select event->>'data' as data from instance");
  expect(rows).toHaveLength(21);
});

test.skipIf(without)("what keeps a topic from being read is told, and tried again", async () => {
  const { world, topic, request, newEngine, source } = await setup({ channel: "broker/none-such" });
  const engine = await newEngine();
  await engine.start();
  await engine.startJob(request);
  await world.observed((one) => one.event === "event-source-failed");
  await expect.poll(async () => (await source())?.error).toMatch(/topic/i);
  expect((await source())?.failures).toBeGreaterThan(0);
  for (const [config, why] of [
    [{ brokers: "" }, /names no brokers/],
    [{ brokers: "a b" }, /is no broker/],
    [{ saslMechanism: "NONE", userName: "u" }, /saslMechanism must be one of/],
    [{ brokers: "169.254.169.254:9092" }, /may not be reached/],
  ] as const)
    await expect(openTopic(connection(config), topic)).rejects.toThrow(why);
});

test.skipIf(without)("a cluster that asks who reads it is told, and its refusal is passed on", async () => {
  const topic = await newTopic();
  const brokers = kafka.securedAddress;
  for (const saslMechanism of ["PLAIN", "SCRAM-SHA-256"]) {
    const as = (password: string) => connection({ brokers, saslMechanism, userName: "ann", password });
    await expect(openTopic(as("wrong"), topic)).rejects.toThrow(/authentication/i);
    const reader = await openTopic(as("secret"), topic);
    await expect.poll(() => reader.ends()).toEqual({ 0: "0" });
    await reader.close();
  }
});

test.skipIf(without)("a try at a cluster counts its brokers, or says why it does not let in", async () => {
  const at = new Date();
  const tryOut = (config: Readonly<Record<string, unknown>>) =>
    createConnectionTest({
      settings: { ...OPERATOR_DEFAULTS, allowedAddresses: ["loopback"] },
      operators: [],
      buckets: NO_SOURCES.buckets,
      localCommandsAllowed: async () => true,
      now: () => at,
    })(
      {
        ...connection(config),
        ...{ projectId: "p", workspaceId: "default", id: 1, description: null },
        ...{ createdAt: at, createdBy: "x", updatedAt: at, updatedBy: "x" },
      },
      new AbortController().signal,
    );
  expect(await tryOut({})).toEqual({ ok: true, detail: "a Kafka cluster with 1 broker" });
  const secured = { brokers: kafka.securedAddress, userName: "ann", saslMechanism: "SCRAM-SHA-256" };
  expect(await tryOut({ ...secured, password: "secret" })).toMatchObject({ ok: true });
  expect(await tryOut({ ...secured, password: "wrong" })).toEqual({
    ok: false,
    reason: expect.stringMatching(/authentication/i),
  });
  expect(await tryOut({ brokers: "127.0.0.1:1" })).toEqual({
    ok: false,
    reason: expect.stringMatching(/No broker can be used/),
  });
});

test.skipIf(without)(
  "a cluster behind TLS is read by who trusts its authority, and by nobody else",
  async () => {
    const topic = await newTopic();
    const secured = { brokers: kafka.tlsAddress, sslEnable: true, userName: "ann", password: "secret" };
    const trusted = { ...secured, caCertificate: kafka.ca };
    const other = await makeCertificates();
    for (const saslMechanism of ["PLAIN", "SCRAM-SHA-256"]) {
      const reader = await openTopic(connection({ ...trusted, saslMechanism }), topic);
      await expect.poll(() => reader.ends()).toEqual({ 0: "0" });
      await reader.close();
      const wrong = connection({ ...trusted, saslMechanism, password: "wrong" });
      await expect(openTopic(wrong, topic)).rejects.toThrow(/authentication/i);
    }
    for (const [config, why] of [
      [{ ...trusted, caCertificate: other.ca }, /certificate/i],
      [secured, /certificate/i],
      [{ ...trusted, caCertificate: "none" }, /caCertificate must be a certificate/],
      [{ ...trusted, brokers: kafka.tlsAddress.replace("127.0.0.1", "127.0.0.2") }, /connect|altnames/i],
      [{ ...trusted, sslEnable: false }, /No broker can be used/],
    ] as const)
      await expect(openTopic(connection(config), topic)).rejects.toThrow(why);
  },
);

test.skipIf(without)(
  "messages come over TLS, and a changed password is told of where one asks why",
  async () => {
    const config: Record<string, unknown> = {};
    const { topic, seen, request, newEngine, listening, source, blockers } = await setup(
      {},
      undefined,
      1,
      config,
    );
    const trusted = {
      brokers: kafka.tlsAddress,
      sslEnable: "true",
      caCertificate: kafka.ca,
      userName: "ann",
    };
    Object.assign(config, trusted, { saslMechanism: "SCRAM-SHA-256", password: "wrong" });
    const engine = await newEngine();
    await engine.start();
    await engine.startJob(request);
    await expect.poll(async () => (await source())?.error).toMatch(/authentication/i);
    expect(await blockers()).toMatchObject([
      { kind: "events-unreachable", reason: expect.stringMatching(/authentication/i) },
    ]);
    config.password = "secret";
    await listening();
    await kafka.send(topic, ["over TLS"]);
    await expect.poll(() => seen).toEqual(["over TLS"]);
    expect(await source()).toMatchObject({ error: null, failures: 0 });
  },
);

test.skipIf(without)(
  "an address that a broker advertises is held to the same rules",
  async () => {
    const topic = await newTopic();
    const strict = createTopicReaders({ allowedAddresses: ["::1"] });
    await expect(strict(connection(), topic)).rejects.toThrow(/loopback/);
    const elsewhere = await startKafka("169.254.169.254");
    try {
      await expect(openTopic(connection({ brokers: elsewhere.address }), topic)).rejects.toThrow();
    } finally {
      await elsewhere.stop();
    }
  },
  60_000,
);
