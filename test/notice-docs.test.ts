/** The examples of docs/notices.md, run as they stand there; and its tables, held against the code. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ALARM_KINDS } from "../src/domain/job-alarm.ts";
import { nextTryAt } from "../src/domain/notice.ts";
import { testPython } from "./setup/python-client.ts";
import { type Service, startService } from "./setup/service.ts";
import { startReceiver } from "./setup/webhook.ts";

// A service of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let service: Service;
let page: string;
beforeAll(async () => {
  page = await readFile(join(import.meta.dirname, "../docs/notices.md"), "utf8");
  service = await startService({
    env: {
      AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback",
      AZALAI_SMTP_URL: "smtp://127.0.0.1:1",
      AZALAI_MAIL_FROM: "azalai@example.com",
    },
  });
});
afterAll(() => service.remove());

const blocksOf = (language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(
    ([, block = ""]) => block,
  );

async function call(method: string, path: string, body?: object) {
  const answer = await fetch(`${service.url}${path}`, {
    method,
    headers: { "x-auth-token": await service.token(), "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  expect(answer.status, `${method} ${path}: ${text}`).toBeLessThan(300);
  return text === "" ? undefined : JSON.parse(text);
}

test("the page's lines make a topic with its targets, and its rules are taken", async () => {
  const [lines = ""] = blocksOf("sh");
  const env = { PATH: process.env.PATH ?? "", AZALAI: service.url, TOKEN: await service.token() };
  await promisify(execFile)("bash", ["-ec", lines.replaceAll("curl -X", "curl -sSf -X")], { env });
  expect(await call("GET", "/api/topics/ops")).toMatchObject({
    description: "whoever is on call",
    targets: [{ address: "https://hooks.example.com" }],
  });
  const [mail] = [...page.matchAll(/`(\{"mail": .*?\})`/g)].map(([, text = ""]) => JSON.parse(text));
  await call("POST", "/api/topics/ops/targets", mail);
  const documents = blocksOf("json").map((block) => JSON.parse(block));
  const rules = documents.filter((document) => "kind" in document);
  expect(rules.map(({ kind }) => kind)).toEqual(["failure", "unfinished"]);
  await call("POST", `/v1/${service.credentials.projectId}/jobs`, {
    name: "nightly",
    processType: "BATCH",
    schedule: { type: "EXECUTE_ONCE" },
    nodes: [],
  });
  for (const rule of rules) await call("POST", "/api/alarm-rules", rule);
  expect((await call("GET", "/api/alarm-rules")).rules).toHaveLength(2);
});

test("what a target gets has the members that the page shows, and its Python finds it to be ours", async () => {
  const receiver = await startReceiver();
  const secret = "at least sixteen characters";
  await call("POST", "/api/topics", { name: "told" });
  await call("POST", "/api/topics/told/targets", { url: receiver.url, secret });
  await call("POST", "/api/alarm-rules", { name: "failing", kind: "failure", topic: "told" });
  const bad = { name: "load", type: "Shell", location: { x: 0, y: 0 } };
  const { projectId } = service.credentials;
  await call("POST", `/v1/${projectId}/jobs`, {
    name: "failing",
    processType: "BATCH",
    schedule: { type: "EXECUTE_ONCE" },
    nodes: [
      {
        ...bad,
        properties: [
          { name: "statementOrScript", value: "STATEMENT" },
          { name: "statement", value: "exit 3" },
        ],
      },
    ],
  });
  await call("POST", `/v1/${projectId}/jobs/failing/run-immediate`);
  const [told] = await receiver.count(1);
  const [shown = {}] = blocksOf("json")
    .map((block) => JSON.parse(block))
    .filter((document) => "urn" in document);
  expect(Object.keys(JSON.parse(told?.body ?? "")).toSorted()).toEqual(Object.keys(shown).toSorted());
  const [python = ""] = blocksOf("python");
  const judge = async (body: string) => {
    const given = JSON.stringify([secret, told?.headers["x-azalai-signature"], body]);
    const script = `${python}\nimport json, sys\nsecret, signature, body = json.loads(sys.argv[1])\nprint(is_ours(secret, signature, body.encode()))`;
    return (await promisify(execFile)(testPython(), ["-c", script, given])).stdout.trim();
  };
  expect(await judge(told?.body ?? "")).toBe("True");
  expect(await judge(`${told?.body} `)).toBe("False");
});

test("the page's kinds are all that there are, and its waits those that count", () => {
  const kinds = [...page.matchAll(/^\| `(\w+)` \| .* \| \d+ \|$/gm)].map(([, kind]) => kind);
  expect(kinds.toSorted()).toEqual([...ALARM_KINDS].toSorted());
  expect(page).toContain(
    "after 10 s, 1, 5 and 15 minutes, 1, 3 and 6 hours, and\n  given up after the eighth try",
  );
  const start = new Date(0);
  const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((tries) => nextTryAt(tries, start)?.getTime());
  expect(waits).toEqual([10, 60, 300, 900, 3_600, 10_800, 21_600, undefined].map((s) => s && s * 1_000));
});
