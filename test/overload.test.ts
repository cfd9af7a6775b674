/** More is asked of a service than it can answer: it says so at once, stays well, and does all that it accepted. */
import { expect, onTestFinished, test, vi } from "vitest";
import { startService } from "./setup/service.ts";

vi.setConfig({ testTimeout: 120_000 });

const CONNECTIONS = 64;
const ROUNDS = 8;

test("health answers all the while, what is too much is refused with the time to ask again, and nothing accepted is lost", async () => {
  const service = await startService({ env: { AZALAI_REQUESTS_MAX: "8" } });
  onTestFinished(() => service.remove());
  const { url, credentials } = service;
  const token = await service.token();
  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { "x-auth-token": token, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return {
      status: answer.status,
      headers: answer.headers,
      json: JSON.parse((await answer.text()) || "null"),
    };
  };
  const jobs = `/v1/${credentials.projectId}/jobs`;
  const location = { x: 0, y: 0 };
  const nodes = ["a", "b"].map((name) => ({ name, type: "Dummy", location, properties: [] }));
  await call("POST", jobs, { name: "j", processType: "BATCH", schedule: { type: "EXECUTE_ONCE" }, nodes });

  const accepted: number[] = [];
  const refused: Awaited<ReturnType<typeof call>>[] = [];
  const unexpected: unknown[] = [];
  let over = false;
  const lane = async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const asked = [
        await call("POST", `${jobs}/j/run-immediate`, {}),
        await call("GET", `${jobs}?limit=100`),
        await call("GET", `/v1.1/${credentials.projectId}/jobs`),
        await call("GET", "/api/limits"),
      ];
      if (asked[0]?.status === 200) accepted.push(asked[0].json.instanceId);
      for (const answer of asked) {
        if (answer.status === 503) refused.push(answer);
        else if (answer.status !== 200) unexpected.push(answer);
      }
    }
  };
  const health: number[] = [];
  const watch = async () => {
    while (!over) for (const path of ["/healthz", "/readyz"]) health.push((await call("GET", path)).status);
  };
  const watching = watch();
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  over = true;
  await watching;

  expect(unexpected).toEqual([]);
  expect(new Set(health)).toEqual(new Set([200]));
  expect(accepted.length).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThan(0);
  for (const { headers } of refused) expect(headers.get("retry-after")).toBe("1");
  const bodies = new Set(refused.map(({ json }) => json.error_code ?? json.code));
  expect(bodies).toEqual(new Set(["APIGW.0201", 503, "server-busy"]));

  // Exactly what was accepted has run.
  const instances = async () => {
    const path = `/v1/${credentials.projectId}/jobs/instances/detail?limit=1&offset=0`;
    return (await call("GET", `${path}&status=success`)).json.total;
  };
  await expect.poll(instances, { timeout: 60_000 }).toBe(accepted.length);
  expect(new Set(accepted).size).toBe(accepted.length);
});
