/** Notices from end to end: a node and an alarm rule of a running service reach a web address, signed. */
import { expect, test, vi } from "vitest";
import { startService } from "./setup/service.ts";
import { isSigned, startReceiver } from "./setup/webhook.ts";

// A service of its own, on a machine that may be busy; the second try of a notice comes after ten seconds and a look.
vi.setConfig({ testTimeout: 60_000 });

const SECRET = "a secret of a target";

test("an SMN node and the alarm of its job's end reach the topic's target, and the wire lists the alarm as sent", async () => {
  let answers = 0;
  // The first try of the first notice fails: the other one comes all the same, and it is tried again later.
  const receiver = await startReceiver((_, response) => {
    answers += 1;
    response.writeHead(answers === 1 ? 503 : 204).end();
  });
  const service = await startService({ env: { AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback" } });
  try {
    const token = await service.token();
    const { projectId } = service.credentials;
    const call = async (method: string, path: string, body?: object) => {
      const answer = await fetch(`${service.url}${path}`, {
        method,
        headers: { "x-auth-token": token, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      expect(answer.status, `${method} ${path}`).toBeLessThan(300);
      const text = await answer.text();
      return text === "" ? undefined : JSON.parse(text);
    };
    const topic = await call("POST", "/api/topics", { name: "ops" });
    await call("POST", "/api/topics/ops/targets", { url: `${receiver.url}/T0PSECRET`, secret: SECRET });
    await call("POST", "/api/alarm-rules", { name: "all", kind: "success", topic: "ops" });
    const properties = { topic: topic.urn, subject: "loaded", messageType: "NORMAL", message: "42 rows" };
    await call("POST", `/v1/${projectId}/jobs`, {
      name: "tell",
      processType: "BATCH",
      schedule: { type: "EXECUTE_ONCE" },
      nodes: [
        {
          name: "tell",
          type: "SMN",
          location: { x: 0, y: 0 },
          properties: Object.entries(properties).map(([name, value]) => ({ name, value })),
        },
      ],
    });
    const { instanceId } = await call("POST", `/v1/${projectId}/jobs/tell/run-immediate`);
    const calls = await receiver.count(3);
    for (const one of calls) expect(isSigned(one, SECRET)).toBe(true);
    const bodies = calls.map(({ body }) => JSON.parse(body));
    expect(bodies.find(({ node }) => node === "tell")).toMatchObject({
      topic: "ops",
      urn: topic.urn,
      subject: "loaded",
      message: "42 rows",
      instanceId,
    });
    expect(bodies.find(({ alarm }) => alarm === "success")).toMatchObject({
      job: "tell",
      rule: "all",
      instanceId,
    });
    expect(new Set(calls.map(({ headers }) => headers["x-azalai-notice"])).size).toBe(2);
    const path = `/v2/${projectId}/factory/alarm-info`;
    await expect
      .poll(async () => (await call("GET", path)).alarm_info[0]?.send_status, { timeout: 10_000 })
      .toBe(0);
    expect(service.log()).not.toContain("T0PSECRET");
    expect(service.log()).not.toContain(SECRET);
  } finally {
    await service.remove();
  }
});
