/** Jobs of 50 nodes over HTTP: created, read and updated one after the other, and created over many connections. */
import { createClient, type Measured, measure, printTable } from "./measure.ts";
import { startService } from "./service.ts";

const NODES = 50;
const LANES = 16;
const SINGLE = 500;
const MANY = 5_000;

export async function benchDefinitions(): Promise<void> {
  const service = await startService();
  try {
    const { projectId } = service;
    const headers = {
      "x-auth-token": await service.tokenFor(projectId),
      "content-type": "application/json",
    };
    const path = `/v1/${projectId}/jobs`;
    const definition = encodeNodes();
    const bodyOf = (name: string) => `{"name":"${name}",${definition}}`;
    console.log(`\na job of ${NODES} nodes is ${bodyOf("j").length} bytes of JSON`);
    for (const connections of [1, LANES]) {
      const client = createClient(service.url, connections);
      const send = (method: string, target: string, body?: string) =>
        client.send(method, target, headers, body);
      const operations = connections === 1 ? SINGLE : MANY;
      const run = (label: string, operation: (n: number) => Promise<unknown>): Promise<Measured> =>
        measure({ label, connections, operations, operation, cpu: service.cpu });
      const baseline = await run("GET /healthz", () => client.send("GET", "/healthz", {}));
      // The warm-up makes jobs of its own.
      let made = 0;
      const nameOf = (n: number) => `job-${connections}-${n}`;
      const rows = [
        await run("create", () => send("POST", path, bodyOf(nameOf(made++)))),
        await run("read", (n) => send("GET", `${path}/${nameOf(n)}`)),
        await run("update", (n) => send("PUT", `${path}/${nameOf(n)}`, bodyOf(nameOf(n)))),
      ];
      const lanes = `${connections} connection${connections === 1 ? "" : "s"}`;
      printTable(`Jobs of ${NODES} nodes, ${lanes}`, rows, baseline);
      client.close();
    }
  } finally {
    await service.stop();
  }
}

/** The members beside the name: five chains of Shell nodes with statements, policies and positions, by cron. */
function encodeNodes(): string {
  const nodes = Array.from({ length: NODES }, (_, n) => ({
    name: `node-${n}`,
    type: "Shell",
    location: { x: 100 * Math.floor(n / 5), y: 80 * (n % 5) },
    preNodeName: n < 5 ? [] : [`node-${n - 5}`],
    properties: [
      { name: "statementOrScript", value: "STATEMENT" },
      {
        name: "statement",
        value: `load --day '#{Job.getPlanTime("yyyy-MM-dd")}' --table part_${n} --retries 3`,
      },
      { name: "arguments", value: "--verbose --region=${region}" },
    ],
    maxExecutionTime: 60,
    retryTimes: 2,
    retryInterval: 30,
    failPolicy: "FAIL_CHILD",
  }));
  const cron = { startTime: "2026-01-01T00:00:00+00", expression: "0 0 1 * * ?", intervalType: "days" };
  const params = [{ name: "region", value: "north", type: "variable" }];
  const rest = { processType: "BATCH", schedule: { type: "CRON", cron }, params, nodes };
  return JSON.stringify(rest).slice(1, -1);
}
