/** Secrets planted by every door of a running service, and looked for in all that comes out of it. */
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Pool } from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import { runCommand } from "./setup/cli.ts";
import { databaseUser } from "./setup/database-user.ts";
import { testDatabase } from "./setup/postgres.ts";
import { startProxy } from "./setup/proxy.ts";
import { type Service, startService } from "./setup/service.ts";

vi.setConfig({ testTimeout: 240_000 });

const MASK = "*********";
const METRICS_TOKEN = "the-metrics-token-of-the-test";
const ENDED = { timeout: 60_000, interval: 200 };

/** A secret that stands nowhere else, even in parts of it. */
const canary = () => `canary-${randomBytes(12).toString("hex")}`;
const SECRETS = {
  password: canary(),
  kafkaPassword: canary(),
  secretKey: canary(),
  privateKey: `-----BEGIN PRIVATE KEY-----\n${canary()}\n${canary()}\n-----END PRIVATE KEY-----\n`,
  triedPassword: canary(),
  refusedPassword: canary(),
  dataSource: canary(),
  binary: canary(),
  userPassword: canary(),
  webhookPath: canary(),
  webhookSecret: canary(),
  mailPassword: canary(),
};

/** The ways in which a canary could show: as it is, and as the encodings of headers, addresses and dumps have it. */
function traces(): string[] {
  const canaries = Object.values(SECRETS).flatMap((secret) => secret.match(/canary-[0-9a-f]{24}/g) ?? []);
  return canaries.flatMap((secret) => {
    const bytes = Buffer.from(secret);
    return [secret, bytes.toString("base64").slice(0, 40), bytes.toString("hex")];
  });
}

/** The places whose text has a canary in it. */
function findCanaries(outputs: ReadonlyMap<string, string>): string[] {
  return [...outputs]
    .filter(([, text]) => traces().some((trace) => text.includes(trace)))
    .map(([place]) => place);
}

interface Sender {
  /** Keeps what it answers under the method and the path. */
  readonly send: (method: string, path: string, body?: unknown) => Promise<{ status: number; json: unknown }>;
}

async function createSender(service: Service, outputs: Map<string, string>): Promise<Sender> {
  const token = await service.token();
  return {
    send: async (method, path, body) => {
      const answer = await fetch(service.url + path.replace(":p", service.credentials.projectId), {
        method,
        headers: { "x-auth-token": token, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      outputs.set(`${method} ${path} (${outputs.size})`, `${JSON.stringify([...answer.headers])} ${text}`);
      const isJson = answer.headers.get("content-type")?.includes("json") === true;
      return { status: answer.status, json: isJson ? JSON.parse(text) : text };
    },
  };
}

async function plant({ send }: Sender, database: Readonly<Record<string, unknown>>) {
  const add = async (path: string, body: object) => {
    const { status, json } = await send("POST", path, body);
    expect(status, `${path}: ${JSON.stringify(json)}`).toBeLessThan(300);
  };
  const config = { ...database, password: SECRETS.password };
  const connection = async (name: string, type: string, members: object) =>
    await add("/v1/:p/connections", { name, type, config: members });
  await connection("pg", "RDS", config);
  await connection("broker", "Kafka", {
    brokers: "127.0.0.1:1",
    userName: "u",
    password: SECRETS.kafkaPassword,
  });
  const keys = { accessKey: "AKIDTEST", secretKey: SECRETS.secretKey };
  await connection("lake", "S3", { endpoint: "http://127.0.0.1:1", ...keys });
  await connection("host", "HOST", { ip: "127.0.0.1", userName: "u", privateKey: SECRETS.privateKey });
  const credentials = { user: "u", password: SECRETS.dataSource };
  await add("/v1.1/:p/data-sources", { name: "d", type: "swift", url: "swift://c/o", credentials });
  const extra = { user: "u", password: SECRETS.binary };
  await add("/v1.1/:p/job-binaries", { name: "b.jar", url: "swift://c/b.jar", extra });
  await add("/v3/users", { user: { name: "canary-user", password: SECRETS.userPassword } });
  await add("/api/topics", { name: "ops" });
  const url = `http://127.0.0.1:1/${SECRETS.webhookPath}?key=${SECRETS.webhookPath}`;
  await add("/api/topics/ops/targets", { url, secret: SECRETS.webhookSecret });
  await add("/api/topics/ops/targets", { mail: "ada@example.com" });
}

/** Refusals, too, may say what they were given. */
async function provoke({ send }: Sender, database: Readonly<Record<string, unknown>>) {
  const password = SECRETS.refusedPassword;
  const refuse = async (method: string, path: string, body?: unknown) => {
    const { status, json } = await send(method, path, body);
    expect(status, `${method} ${path}: ${JSON.stringify(json)}`).toBeGreaterThanOrEqual(400);
  };
  await refuse("POST", "/v1/:p/connections", { name: "x", type: "RDS", config: { password, port: 0 } });
  await refuse("POST", "/v1/:p/connections", { name: "x", type: "RDS", config: { password: { password } } });
  await refuse("POST", "/v1/:p/connections", { name: "pg", type: "RDS", config: { password } });
  const tried = {
    name: "pg",
    type: "RDS",
    config: { ...database, password: SECRETS.triedPassword, port: 1 },
  };
  await refuse("PUT", "/v1/:p/connections/pg?ischeck=true", tried);
  await refuse("POST", "/v1.1/:p/data-sources", {
    name: "x",
    type: "s3",
    url: "s3://b/k",
    credentials: { password },
  });
  await refuse("POST", "/v1.1/:p/job-binaries", { name: "x", url: "swift://c/x", extra: { password } });
  await refuse("POST", "/v3/users", { user: { name: "canary-user", password } });
  await refuse("POST", "/api/topics/ops/targets", { url: `ftp://x/${password}`, secret: password });
  await refuse("POST", "/api/topics/ops/targets", { url: `http://u:${password}@x`, secret: password });
  const user = { name: "canary-user", domain: { id: "default" }, password };
  await refuse("POST", "/v3/auth/tokens", {
    auth: { identity: { methods: ["password"], password: { user } } },
  });
  for (const name of ["pg", "broker", "lake", "host"])
    expect((await send("POST", `/api/connections/${name}/test`)).status).toBe(200);
}

/** Runs SQL that says the password aloud without having it in its text, once well and once not. */
async function runNodes({ send }: Sender): Promise<number> {
  const [one, other] = [SECRETS.password.slice(0, 15), SECRETS.password.slice(15)];
  const aloud = `'${one}' || '${other}'`;
  const node = (name: string, statement: string, preNodeName: readonly string[] = []) => ({
    ...{ name, type: "RDSSQL", location: { x: 0, y: 0 }, preNodeName },
    properties: [
      { name: "connectionName", value: "pg" },
      { name: "statementOrScript", value: "STATEMENT" },
      { name: "statement", value: statement },
    ],
  });
  const nodes = [
    node("well", `do $$ begin raise notice '%', ${aloud}; end $$; select ${aloud} as said`),
    node("badly", `select (${aloud})::int`, ["well"]),
  ];
  const job = { name: "aloud", processType: "BATCH", schedule: { type: "EXECUTE_ONCE" }, nodes };
  expect((await send("POST", "/v1/:p/jobs", job)).status).toBe(204);
  const { json } = await send("POST", "/v1/:p/jobs/aloud/run-immediate");
  const { instanceId } = json as { instanceId: number };
  const state = async () => {
    const answer = await send("GET", `/v1/:p/jobs/aloud/instances/${instanceId}`);
    return (answer.json as { status: string }).status;
  };
  await expect.poll(state, ENDED).toBe("fail");
  return instanceId;
}

/** Publishes to targets that nobody answers at, and waits until each was tried. */
async function publish({ send }: Sender) {
  await send("POST", "/api/topics/ops/notices", { subject: "s", message: "m" });
  const errors = async () => {
    const { json } = await send("GET", "/api/topics/ops/notices");
    const { notices } = json as { notices: { deliveries: { error: string | null }[] }[] };
    return notices.flatMap(({ deliveries }) => deliveries.map(({ error }) => error));
  };
  await expect
    .poll(errors, ENDED)
    .toEqual([expect.stringContaining("ECONNREFUSED"), expect.stringContaining("ECONNREFUSED")]);
  await send("GET", "/api/topics/ops");
}

async function readAll({ send }: Sender, instanceId: number) {
  const run = `/api/instances/${instanceId}`;
  for (const path of [
    ...["/v1/:p/connections", "/v1/:p/connections/pg", "/v1/:p/connections/host", "/v1/:p/connections/lake"],
    ...["/v1/:p/jobs", "/v1/:p/jobs/aloud", "/v1/:p/jobs/aloud/status", "/v1/:p/jobs/instances/detail"],
    ...["/v1.1/:p/data-sources", "/v1.1/:p/job-binaries", "/v1.1/:p/job-executions"],
    ...[
      "/v3/users",
      "/v3.0/OS-CREDENTIAL/credentials",
      "/api/acts",
      "/api/secrets/keys",
      "/api/jobs/aloud/why",
    ],
    ...[run, `${run}/why`, "/openapi/factory.json", "/api/plan"],
  ])
    await send("GET", path);
  const log = async (nodeNo: number) =>
    String((await send("GET", `${run}/nodes/${nodeNo}/attempts/1/log`)).json);
  return { well: await log(0), badly: await log(1), shown: JSON.stringify((await send("GET", run)).json) };
}

async function dumpTables(pool: Pool, outputs: Map<string, string>) {
  const { rows } = await pool.query<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
  );
  for (const { name } of rows) {
    const lines = await pool.query<{ line: string }>(`select t::text as line from ${name} t`);
    outputs.set(`table ${name}`, lines.rows.map(({ line }) => line).join("\n"));
  }
}

async function readFiles(folder: string, outputs: Map<string, string>) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile()) outputs.set(`file ${file}`, await readFile(file, "latin1"));
  }
}

test("no secret shows in an answer, a log, a table, a file, the metrics or what a command prints", async () => {
  const { pool, connection } = await testDatabase();
  const proxy = await startProxy(connection);
  const service = await startService({
    env: {
      AZALAI_DATABASE_URL: proxy.url,
      AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback",
      AZALAI_LOG_LEVEL: "debug",
      AZALAI_METRICS_TOKEN: METRICS_TOKEN,
      AZALAI_SMTP_URL: `smtp://azalai:${SECRETS.mailPassword}@127.0.0.1:1`,
      AZALAI_MAIL_FROM: "azalai@example.com",
    },
  });
  onTestFinished(() => service.remove());
  const outputs = new Map<string, string>();
  const sender = await createSender(service, outputs);
  const database = await databaseUser(SECRETS.password);
  await plant(sender, database);
  await provoke(sender, database);
  await publish(sender);
  const { well, badly, shown } = await readAll(sender, await runNodes(sender));

  // The nodes have said it: where it would stand, the mask does.
  expect(well).toContain(`NOTICE: ${MASK}`);
  expect(badly).toContain(MASK);
  expect(shown.split(MASK).length).toBeGreaterThanOrEqual(3);
  const { json } = await sender.send("POST", "/api/connections/pg/test");
  expect(json).toMatchObject({ ok: true });

  const metrics = await fetch(`${service.url}/metrics`, {
    headers: { authorization: `Bearer ${METRICS_TOKEN}` },
  });
  outputs.set("metrics", await metrics.text());
  for (const words of [
    ["connections", "list"],
    ["connections", "show", "pg"],
    ["topics", "show", "ops"],
    ["topics", "notices", "ops"],
    ["audit"],
    ["secrets", "keys"],
  ])
    for (const json of [[], ["--json"]]) {
      const { stdout, stderr } = await runCommand(["--data-dir", service.dataDir, ...words, ...json]);
      outputs.set(`azalai ${[...words, ...json].join(" ")}`, stdout + stderr);
    }
  await dumpTables(pool, outputs);
  expect(outputs.get("table connection")?.split("\n")).toHaveLength(4);
  await readFiles(service.dataDir, outputs);
  outputs.set("the service's log", service.log());
  expect(findCanaries(outputs)).toEqual([]);
  expect(findCanaries(new Map([["a control", `x${SECRETS.binary}`]]))).toEqual(["a control"]);
});
