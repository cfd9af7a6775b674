/** The example of docs/events.md on files of an S3 endpoint: a real service, a real server of objects. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { EventSourcePage } from "../src/api/console/event-source-wire.ts";
import type { InstancePage } from "../src/cli/instances.ts";
import { type S3Server, s3Missing, startS3 } from "./setup/s3.ts";
import { type Service, startService } from "./setup/service.ts";

// The service is a process of its own: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const without = await s3Missing();
const WAIT = { timeout: 60_000 };

let s3: S3Server;
let service: Service;

beforeAll(async () => {
  if (without !== undefined) return;
  s3 = await startS3();
  service = await startService({ env: { AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback" } });
}, 300_000);

afterAll(async () => {
  await service?.remove();
  await s3?.stop();
});

/** The page's JSON example of that name. */
async function exampleOf<T extends { readonly name: string }>(name: string): Promise<T> {
  const text = await readFile(join(import.meta.dirname, "../docs/events.md"), "utf8");
  const examples = [...text.matchAll(/```json\n(.*?)```/gs)].map(
    ([, example = ""]): T => JSON.parse(example),
  );
  const found = examples.find((example) => example.name === name);
  if (found === undefined) throw new RangeError(`docs/events.md has no example ${name}`);
  return found;
}

test.skipIf(without)(
  "a file that arrives at an endpoint starts the example's job, and the keys are never shown",
  async () => {
    const { projectId } = service.credentials;
    const headers = { "x-auth-token": await service.token(), "content-type": "application/json" };
    const post = async (path: string, body: object, status = 204) => {
      const answer = await fetch(`${service.url}/v1/${projectId}/${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      expect([answer.status, answer.ok ? "" : await answer.text()], path).toEqual([status, ""]);
    };
    const get = async <T>(path: string): Promise<T> =>
      JSON.parse(await (await fetch(`${service.url}${path}`, { headers })).text());
    const source = async () => (await get<EventSourcePage>("/api/event-sources")).sources[0];

    const connection = await exampleOf<{ readonly name: string; readonly config: object }>("lake");
    const config = { ...connection.config, ...s3.config, intervalSeconds: 1 };
    await post("connections", { ...connection, config });
    const shown = JSON.stringify(await get(`/v1/${projectId}/connections/lake`));
    for (const name of ["accessKey", "secretKey"]) {
      expect(shown).toContain(`"${name}":"*********"`);
      expect(shown).not.toContain(s3.config[name]);
    }

    await s3.createBucket("inbox");
    await post("jobs", await exampleOf("lake-orders"));
    await post("jobs/lake-orders/start", {});
    await expect.poll(async () => (await source())?.position ?? null, WAIT).not.toBeNull();
    await s3.put("inbox", "orders/monday.csv", "id,sum\n1,2\n");
    await expect
      .poll(() => get<InstancePage>(`/v1/${projectId}/jobs/instances/detail?jobName=lake-orders`), WAIT)
      .toMatchObject({ instances: [{ status: "success" }] });
    expect(await source()).toMatchObject({
      type: "objects",
      channel: "lake/s3a://inbox/orders",
      lag: 0,
      error: null,
    });
  },
);
