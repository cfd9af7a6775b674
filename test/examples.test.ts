/** The programs in examples/, run as they stand there against a running server. */
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { missingOf } from "./setup/programs.ts";
import { testPython } from "./setup/python-client.ts";
import { type Service, startService } from "./setup/service.ts";

const EXAMPLES = join(import.meta.dirname, "../examples");
/** A service's start, and Python's, on a machine that does much else. */
const SLOW_MS = 120_000;

let service: Service;

beforeAll(async () => {
  service = await startService();
}, SLOW_MS);
afterAll(() => service?.remove(), SLOW_MS);

/** What the example says; rejects when it ends with anything but 0. */
async function run(program: string, ...args: string[]): Promise<string> {
  const { projectId, userName, password, accessKey, secretKey } = service.credentials;
  const { stdout } = await promisify(execFile)(program, args, {
    env: {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      HOME: tmpdir(), // a user without an account has none
      PYTHONDONTWRITEBYTECODE: "1",
      no_proxy: "*",
      AZALAI_URL: service.url,
      AZALAI_PROJECT_ID: projectId,
      AZALAI_USER: userName,
      AZALAI_PASSWORD: password,
      AZALAI_ACCESS_KEY: accessKey,
      AZALAI_SECRET_KEY: secretKey,
    },
  });
  return stdout;
}

/** How many jobs are left. */
async function jobsLeft(): Promise<number> {
  const answer = await fetch(`${service.url}/v1/${service.credentials.projectId}/jobs`, {
    headers: { "x-auth-token": await service.token() },
  });
  const { total } = (await answer.json()) as { readonly total: number };
  return total;
}

test(
  "curl runs a job",
  async () => {
    const said = await run("sh", join(EXAMPLES, "curl/run-job.sh"));
    expect(said).toMatch(/^instance (\d+) of hello-from-curl has begun\ninstance \1 ended: success\n$/);
    expect(await jobsLeft()).toBe(0);
  },
  SLOW_MS,
);

test(
  "the vendor's Python SDK runs a job",
  async () => {
    const said = await run(testPython(), join(EXAMPLES, "python/run_job.py"));
    const ended = /^instance (\d+) of hello-from-python has begun\ninstance \1 ended: success\n/;
    expect(said).toMatch(ended);
    expect(said.replace(ended, "")).toBe("  hello: success\n  bye: success\n");
    expect(await jobsLeft()).toBe(0);
  },
  SLOW_MS,
);

/** A job of one Shell node. */
async function makeJob(name: string, statement: string): Promise<void> {
  const answer = await fetch(`${service.url}/v1/${service.credentials.projectId}/jobs`, {
    method: "POST",
    headers: { "x-auth-token": await service.token(), "content-type": "application/json" },
    body: JSON.stringify({
      name,
      processType: "BATCH",
      schedule: { type: "EXECUTE_ONCE" },
      nodes: [
        {
          name: "a",
          type: "Shell",
          location: { x: 0, y: 0 },
          properties: [
            { name: "statementOrScript", value: "STATEMENT" },
            { name: "statement", value: statement },
          ],
        },
      ],
    }),
  });
  expect(answer.status).toBe(204);
}

/** What the operator says of a run of the job. Airflow is not installed: a hundred and fifty packages for two classes. */
async function runOperator(job: string): Promise<string> {
  const { projectId, accessKey, secretKey } = service.credentials;
  const asked = {
    example: join(EXAMPLES, "airflow"),
    url: service.url,
    projectId,
    accessKey,
    secretKey,
    job,
  };
  const running = promisify(execFile)(
    testPython(),
    [join(import.meta.dirname, "clients/airflow_operator.py")],
    {
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        HOME: tmpdir(),
        PYTHONDONTWRITEBYTECODE: "1",
        no_proxy: "*",
      },
    },
  );
  running.child.stdin?.end(JSON.stringify(asked));
  return (await running).stdout;
}

test(
  "the Airflow operator runs a job, and fails with it; Airflow itself is stood in for",
  async () => {
    await makeJob("good", "true");
    await makeJob("bad", "exit 3");
    expect(await runOperator("good")).toMatch(/^ended \d+\n$/);
    expect(await runOperator("bad")).toMatch(/^failed instance \d+ of bad ended: fail\n$/);
  },
  SLOW_MS,
);

const noTerraform = await missingOf({ terraform: "version" });

test.skipIf(noTerraform !== undefined)(
  `the Terraform module is formatted; the provider itself cannot be had here${noTerraform === undefined ? "" : ` (${noTerraform})`}`,
  async () => {
    const formatted = promisify(execFile)("terraform", ["fmt", "-check", join(EXAMPLES, "terraform")]);
    expect((await formatted).stdout).toBe("");
  },
);
