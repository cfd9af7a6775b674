/** Spans and log lines of a real service, as a collector and a log's reader get them, across servers. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { shell } from "./setup/job-nodes.ts";
import { type Service, startService } from "./setup/service.ts";

vi.setConfig({ testTimeout: 180_000 });

/** A span as OTLP has it in JSON. Source: opentelemetry-proto, trace.proto. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** Takes what exporters send, as a collector does. */
async function startCollector() {
  const spans: Span[] = [];
  const services = new Set<unknown>();
  const server = createServer(async (request, response) => {
    expect([request.method, request.url]).toEqual(["POST", "/v1/traces"]);
    const { resourceSpans } = (await json(request)) as Exported;
    for (const { resource, scopeSpans } of resourceSpans) {
      services.add(attributesOf(resource)["service.name"]);
      spans.push(...scopeSpans.flatMap((scope) => scope.spans));
    }
    response.setHeader("content-type", "application/json").end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, spans, services };
}

function attributesOf({ attributes }: Pick<Span, "attributes">): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

async function call(service: Service, method: string, path: string, body?: unknown) {
  return await fetch(`${service.url}/v1/${service.credentials.projectId}${path}`, {
    method,
    headers: { "x-auth-token": await service.token(), "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function saveJob(service: Service, name: string, nodes: readonly object[]): Promise<void> {
  const job = { name, processType: "BATCH", schedule: { type: "EXECUTE_ONCE" }, nodes };
  expect((await call(service, "POST", "/jobs", job)).status).toBe(204);
}

test("an instance is one trace, whatever servers had a part in it", async () => {
  const { endpoint, spans, services } = await startCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SERVICE_NAME: "tracetest" };
  const first = await startService({ env });
  const gate = `${first.dataDir}-gate`;
  const nodes = [
    shell("a", "true"),
    shell("b", `if [ -e ${gate} ]; then exit 0; fi; touch ${gate}; sleep 600`, ["a"]),
    shell("c", "exit 3", ["b"]),
  ];
  await saveJob(first, "traced", nodes);
  const run = await call(first, "POST", "/jobs/traced/run-immediate");
  const { instanceId } = (await run.json()) as { instanceId: number };
  await vi.waitFor(() => expect(spans.map(({ name }) => name)).toEqual(["a"]), { timeout: 60_000 });
  await first.kill();
  const second = await startService({ env, dataDir: first.dataDir });
  onTestFinished(() => second.remove());
  await vi.waitFor(() => expect(spans.map(({ name }) => name)).toContain("traced"), { timeout: 90_000 });
  const root = spans.find(({ name }) => name === "traced");
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([root?.traceId]));
  expect(root?.parentSpanId ?? "").toBe("");
  const [a, b, c] = ["a", "b", "c"].map((name) => spans.filter((span) => span.name === name).at(-1));
  for (const span of [a, b, c]) expect(span?.parentSpanId).toBe(root?.spanId);
  expect(a && attributesOf(a)).toMatchObject({
    "azalai.node": "a",
    "azalai.attempt": 1,
    "azalai.outcome": "succeeded",
  });
  expect(b && attributesOf(b)).toMatchObject({ "azalai.attempt": 2, "azalai.lane": "process" });
  expect(c?.status).toMatchObject({ code: 2, message: expect.stringContaining("3") });
  expect(root && attributesOf(root)).toMatchObject({ "azalai.state": "failed", "azalai.origin": "test" });
  expect(root?.status.code).toBe(2);
  for (const { startTimeUnixNano, endTimeUnixNano } of spans)
    expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
  expect([...services]).toEqual(["tracetest"]);
  await call(second, "POST", `/jobs/traced/instances/${instanceId}/restart`);
  const ofInstance = () => spans.filter(({ name }) => name === "traced");
  await vi.waitFor(() => expect(ofInstance()).toHaveLength(2), { timeout: 60_000 });
  const [, rerun] = ofInstance();
  expect(rerun).toMatchObject({ traceId: root?.traceId, parentSpanId: root?.spanId });
  expect(rerun && attributesOf(rerun)).toMatchObject({ "azalai.rerun": 1 });
  await vi.waitFor(() => expect(spans.filter(({ name }) => name === "c")).toHaveLength(2));
  expect(spans.findLast(({ name }) => name === "c")?.parentSpanId).toBe(rerun?.spanId);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
});

test("log lines carry the ids of the request, the instance and the attempt that they are about", async () => {
  const service = await startService({ env: { AZALAI_LOG_LEVEL: "debug" } });
  onTestFinished(() => service.remove());
  const lines = () =>
    service
      .log()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  await saveJob(service, "logged", [shell("a", "exit 7")]);
  const run = await call(service, "POST", "/jobs/logged/run-immediate");
  const { instanceId } = (await run.json()) as { instanceId: number };
  const { projectId } = service.credentials;
  const about = { projectId, instanceId };
  await vi.waitFor(
    () => expect(lines()).toContainEqual(expect.objectContaining({ msg: "instance-ended", ...about })),
    { timeout: 60_000 },
  );
  const attempt = { ...about, node: "a", attempt: 1 };
  for (const msg of ["attempt-started", "attempt-failed", "attempt-ended"])
    expect(lines(), msg).toContainEqual(expect.objectContaining({ msg, ...attempt }));
  const requestId = run.headers.get("x-request-id");
  expect(lines()).toContainEqual(
    expect.objectContaining({ msg: "request-done", requestId, face: "factory" }),
  );
  const refused = await fetch(`${service.url}/v3/auth/tokens`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      auth: {
        identity: {
          methods: ["password"],
          password: { user: { name: "admin", domain: { id: "default" }, password: "no" } },
        },
      },
    }),
  });
  expect(refused.status).toBe(401);
  const told = { msg: "authentication-refused", requestId: refused.headers.get("x-request-id") };
  await vi.waitFor(() => expect(lines()).toContainEqual(expect.objectContaining(told)));
  const ofInstance = lines().filter(({ instanceId: id }) => id !== undefined);
  expect(ofInstance[0]).toMatchObject({ msg: "instance-started", ...about, by: "admin", requestId });
  // What the engine does then is nobody's request, although one has woken it.
  for (const line of ofInstance.slice(1)) expect(line, String(line.msg)).not.toHaveProperty("requestId");
});
