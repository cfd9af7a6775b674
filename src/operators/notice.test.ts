/** SMN nodes: what they publish, and which messages they refuse. */
import { expect, test } from "vitest";
import type { NoticeText } from "../domain/notice.ts";
import { createNoticeOperator } from "./notice.ts";
import type { Work, WorkContext } from "./operator.ts";

async function run(properties: Record<string, string>, targets = 1) {
  const published: (NoticeText & { topic: string })[] = [];
  let log = "";
  const work = { type: "SMN", nodeName: "tell", workspaceId: "default", instanceId: 7, properties };
  const context = {
    signal: new AbortController().signal,
    log: (chunk: string) => {
      log += chunk;
    },
    publish: async (topic: string, notice: NoticeText) => {
      published.push({ topic, ...notice });
      return targets;
    },
  };
  const outcome = await createNoticeOperator().run(
    work as unknown as Work,
    context as unknown as WorkContext,
  );
  return { outcome, published, log };
}

const TOLD = { topic: "nightly", subject: "done", messageType: "NORMAL", message: "42 rows" };

test("a node publishes its subject and message, and says where they came from", async () => {
  const { outcome, published, log } = await run(TOLD);
  expect(outcome).toEqual({ state: "succeeded" });
  expect(published).toEqual([
    {
      topic: "nightly",
      subject: "done",
      message: "42 rows",
      detail: { workspace: "default", instanceId: 7, node: "tell" },
    },
  ]);
  expect(log).toBe('published to "nightly", which has 1 target\n');
});

test("a topic without targets is told of in the log", async () => {
  const { outcome, log } = await run({ ...TOLD, topic: " urn:smn:r:p:t " }, 0);
  expect(outcome.state).toBe("succeeded");
  expect(log).toBe('published to "urn:smn:r:p:t", which has 0 targets\n');
});

test.each([
  [{ ...TOLD, messageType: "STRUCTURE", message: '{"rows": 42}' }, undefined],
  [{ ...TOLD, messageType: "STRUCTURE" }, "must be a JSON object"],
  [{ ...TOLD, messageType: "STRUCTURE", message: "[1]" }, "must be a JSON object"],
  [{ ...TOLD, messageType: "TEMPLATE" }, "templates are not kept"],
  [{ ...TOLD, messageType: "MORSE" }, "none of NORMAL, STRUCTURE, TEMPLATE"],
  [{ ...TOLD, message: "" }, "message"],
  [{ ...TOLD, subject: "" }, "subject"],
  [{ ...TOLD, topic: "" }, "topic"],
])("what a message must be: %j", async (properties, refusal) => {
  const result = await run(properties).catch((error: Error) => error.message);
  if (refusal === undefined) expect(result).toMatchObject({ outcome: { state: "succeeded" } });
  else expect(JSON.stringify(result)).toContain(refusal);
});
