/** Signed requests of real Factory clients, sent byte for byte as they were recorded, at the time at which they were signed. */
import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Pool } from "pg";
import { expect, test } from "vitest";
import { createAuthenticate } from "../src/api/authenticate.ts";
import { createFactoryFace } from "../src/api/factory/routes.ts";
import { createServer } from "../src/api/server.ts";
import { ACCESS_KEYS_MAX, sealSecretKey } from "../src/identity/access-keys.ts";
import { createIdentity } from "../src/identity/identity.ts";
import { grantRole } from "../src/identity/roles.ts";
import { createUser } from "../src/identity/users.ts";
import { insertAccessKey } from "../src/store/access-keys.ts";
import { transaction } from "../src/store/database.ts";
import { type Answer, answerOf, type FactoryWorld, factoryWorld, jobBody, PROJECT } from "./setup/factory.ts";
import { CHEAP } from "./setup/identity.ts";
import { type Differing, prepareRecorded, type Recorded, readRecorded, replay } from "./setup/recorded.ts";

const KEY = { id: "AKIDEXAMPLE", secretKey: "SKEXAMPLE" };

/** The world's face behind the real judge, who knows the recordings' access key in the recordings' project. */
async function judgedServer({ deps, pool, clock }: FactoryWorld): Promise<FastifyInstance> {
  const identity = createIdentity({
    pool,
    masterKeys: deps.masterKeys,
    now: () => clock.now,
    observe: () => undefined,
    settings: { passwordCost: CHEAP },
  });
  const user = await createUser(identity, { name: "recorded", password: "recorded-password" });
  await grantRole(identity, { projectId: PROJECT, userId: user.id, role: "manager" });
  const key = { id: KEY.id, userId: user.id, description: "", enabled: true, createdAt: clock.now };
  const secretSealed = sealSecretKey(deps.masterKeys, KEY);
  await transaction(pool, (db) => insertAccessKey(db, { ...key, secretSealed }, ACCESS_KEYS_MAX));
  return await createServer({
    faces: [createFactoryFace(deps)],
    authenticate: createAuthenticate(identity),
    observe: () => undefined,
    elapsedMs: () => 0,
    newId: () => randomUUID().replaceAll("-", ""),
    checkReady: async () => undefined,
  });
}

/**
 * Makes the instance that `make` starts bear the number that the recording's stand-in gave: later requests name it in
 * paths that are signed.
 */
async function numbered<T>(pool: Pool, instanceId: number, make: () => Promise<T>): Promise<T> {
  const { rows } = await pool.query("select last_value from instance_id");
  await pool.query("select setval('instance_id', $1, false)", [instanceId]);
  const made = await make();
  await pool.query("select setval('instance_id', $1)", [rows[0].last_value]);
  return made;
}

/** Sends it as it is, the clock standing where its signer's stood. */
async function send(app: FastifyInstance, { clock, pool }: FactoryWorld, request: Recorded): Promise<Answer> {
  const date = request.headers["X-Sdk-Date"] ?? "";
  clock.now = new Date(date.replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z"));
  const inject = () =>
    app.inject({
      method: request.method as "GET",
      url: request.target,
      headers: request.headers,
      ...(request.body !== "" && { payload: request.body }),
    });
  const { instanceId, resourceId, taskId } = request.response.body ?? {};
  const response = await (typeof instanceId === "number" ? numbered(pool, instanceId, inject) : inject());
  const answer = answerOf(response);
  // As with instances, the stand-in's ids are in the paths to come.
  if (typeof instanceId === "string")
    await pool.query("update script_run set id = $1 where id = $2", [instanceId, answer.json.instanceId]);
  if (resourceId !== undefined)
    await pool.query("update resource set id = $1 where id = $2", [resourceId, answer.json.resourceId]);
  if (taskId !== undefined)
    await pool.query("update system_task set id = $1 where id = $2", [taskId, answer.json.taskId]);
  return answer;
}

/** Every signed request of the file that this face has a route for. */
async function replaySigned(world: FactoryWorld, file: string, differing?: Differing): Promise<void> {
  const app = await judgedServer(world);
  const requests = await readRecorded(file, createFactoryFace(world.deps).routes);
  const signed = requests.filter(({ headers }) => headers.Authorization !== undefined);
  await replay(signed, (request) => send(app, world, request), differing);
}

test("the vendor's Python SDK for data development is let in, but for its wrong secret", async () => {
  const world = await factoryWorld();
  await prepareRecorded(world, "dgc");
  await replaySigned(world, "dgc_calls.json");
});

test("the vendor's older Python SDK is let in", async () => {
  await replaySigned(await factoryWorld(), "dlf_calls.json", {
    create_script: [204],
    create_resource: [200],
  });
});

test("the vendor's Python SDK for data development v2 is let in", async () => {
  const world = await factoryWorld();
  await prepareRecorded(world, "dataartsstudio");
  await replaySigned(world, "dataartsstudio_v2_calls.json");
});

test("the Terraform provider is let in, but for its wrong secret and a lasting key called temporary", async () => {
  const world = await factoryWorld();
  await prepareRecorded(world, "terraform");
  const differing = {
    "data source jobs: unknown workspace": [200],
    "auth: temporary keys": [401, "APIGW.0301"],
  } as const;
  await replaySigned(world, "terraform_calls.json", differing);
});

test("the Airflow provider is let in", async () => {
  const world = await factoryWorld();
  await prepareRecorded(world, "airflow");
  await replaySigned(world, "airflow_calls.json");
});

test("the second vendor's Go client, refused by the recording's stand-in, is let in", async () => {
  const world = await factoryWorld();
  const app = await judgedServer(world);
  const requests = await readRecorded("otc_go_calls.json", createFactoryFace(world.deps).routes);
  const answers: [target: string, status: number, code?: string][] = [];
  for (const request of requests.filter(({ headers }) => headers.Authorization !== undefined)) {
    const { status, json } = await send(app, world, request);
    const call = `${request.method} ${request.target.slice(`/v1/${PROJECT}`.length)}`;
    answers.push(json?.error_code === undefined ? [call, status] : [call, status, json.error_code]);
  }
  expect(answers).toEqual([
    ["POST /jobs", 204],
    ["GET /jobs/otcjob", 200],
    ["POST /jobs", 204],
    ["GET /jobs?jobName=otc&jobType=BATCH&limit=5", 200],
    ["POST /jobs/otcjob/start", 204],
    ["PUT /jobs/otcjob", 204],
    ["GET /jobs/otcjob/status", 200],
    ["POST /jobs/otcjob/stop", 204],
    ["GET /jobs/instances/detail?jobName=otcjob", 200],
    ["GET /jobs/none", 400, "DLF.0100"],
    ["DELETE /jobs/otcjob", 204],
    ["POST /scripts", 204],
    ["GET /scripts/s", 200],
    ["POST /scripts/s/execute", 200],
    ["POST /resources", 200],
    ["POST /connections", 204],
    ["GET /connections", 200],
  ]);
});

test("the Kestra plugin is let in, and finds and stops the patch data that it made", async () => {
  const world = await factoryWorld();
  const app = await judgedServer(world);
  const cron = { startTime: "2030-01-01T00:00:00Z", expression: "0 0 * * * ?" };
  const job = jobBody("k1", { schedule: { type: "CRON", cron } });
  await world.ok("POST", "/jobs", { workspace: "w1", body: job });
  // Its answers were not recorded.
  const signed = await readRecorded("kestra_read.json", createFactoryFace(world.deps).routes);
  const [create, find, stop, newest, one, temporary] = signed.map((request) => ({
    ...request,
    response: { status: 200 },
  }));
  if (!create || !find || !stop || !newest || !one || !temporary)
    throw new RangeError("the recording has not all six requests");
  const name = "kestra-run 1_流";
  expect(await send(app, world, create)).toMatchObject({ status: 200 });
  expect(await send(app, world, find)).toMatchObject({
    status: 200,
    json: { total: 1, rows: [{ name, status: "RUNNING", job_list: ["k1"], user_name: "recorded" }] },
  });
  expect(await send(app, world, stop)).toMatchObject({ status: 200 });
  expect(await send(app, world, find)).toMatchObject({ json: { rows: [{ name, status: "CANCEL" }] } });
  expect(await send(app, world, newest)).toMatchObject({ status: 200, json: { total: 0, instances: [] } });
  expect(await send(app, world, one)).toMatchObject({ status: 400, json: { error_code: "DLF.30137" } });
  // A lasting key that is called temporary.
  expect(await send(app, world, temporary)).toMatchObject({ status: 401 });
});

test("a recorded request is refused when a byte of it has changed, or when it comes later", async () => {
  const world = await factoryWorld();
  const app = await judgedServer(world);
  const requests = await readRecorded("dgc_calls.json", createFactoryFace(world.deps).routes);
  const request = requests.find(({ call }) => call === "create_job");
  if (request === undefined) throw new RangeError("the recording has no create_job");
  const { target, body, headers } = request;
  const refused = { status: 401, json: { error_code: "APIGW.0301", request_id: expect.any(String) } };
  // Fewer than shut the sender out.
  for (const changes of [
    { body: body.replace('"j1"', '"j2"') },
    { target: target.replace("/jobs", "/scripts") },
    { headers: { ...headers, workspace: "w2" } },
    { headers: { ...headers, "X-Sdk-Date": "20261124T065516Z" } },
    { headers: { ...headers, Authorization: headers.Authorization?.replace("AKID", "AKIE") ?? "" } },
  ])
    expect(await send(app, world, { ...request, ...changes }), JSON.stringify(changes)).toMatchObject(
      refused,
    );
  expect(await send(app, world, request)).toMatchObject({ status: 204 });
});
