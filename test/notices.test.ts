/** Notices from end to end: a node and alarm rules of a running service reach a web address, signed, and a mail box. */
import { expect, test, vi } from "vitest";
import { startService } from "./setup/service.ts";
import { startMailServer } from "./setup/smtp.ts";
import { isSigned, startReceiver } from "./setup/webhook.ts";

// A service of its own, on a machine that may be busy; the second try of a notice comes after ten seconds and a look.
vi.setConfig({ testTimeout: 60_000 });

const SECRET = "a secret of a target";

test("an SMN node and the alarm of its job's end reach the topics' targets, and the wire lists the alarms as sent", async () => {
  let answers = 0;
  // The first try of the first notice fails: the other one comes all the same, and it is tried again later.
  const receiver = await startReceiver((_, response) => {
    answers += 1;
    response.writeHead(answers === 1 ? 503 : 204).end();
  });
  const mails = await startMailServer();
  const service = await startService({
    env: {
      AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback",
      AZALAI_SMTP_URL: `smtp://127.0.0.1:${mails.port}`,
      AZALAI_MAIL_FROM: "azalai@example.com",
      AZALAI_METRICS_TOKEN: "the-metrics-token-of-the-test",
    },
  });
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
    await call("POST", "/api/topics", { name: "boss" });
    await call("POST", "/api/topics/boss/targets", { mail: "ada@example.com" });
    await call("POST", "/api/alarm-rules", { name: "mailed", kind: "success", topic: "boss" });
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
    expect(await mails.next()).toMatchObject({
      from: "azalai@example.com",
      to: ["ada@example.com"],
      headers: { subject: 'Job "tell" succeeded' },
      text: expect.stringMatching(
        /^Job "tell" succeeded: run .*\n\njob: tell\nrule: mailed\nalarm: success\n/,
      ),
    });
    expect(new Set(calls.map(({ headers }) => headers["x-azalai-notice"])).size).toBe(2);
    const path = `/v2/${projectId}/factory/alarm-info`;
    await expect
      .poll(
        async () =>
          (await call("GET", path)).alarm_info.map((one: { send_status?: number }) => one.send_status),
        { timeout: 10_000 },
      )
      .toEqual([0, 0]);
    const authorization = "Bearer the-metrics-token-of-the-test";
    const metrics = await (await fetch(`${service.url}/metrics`, { headers: { authorization } })).text();
    expect(metrics).toContain('azalai_notice_tries_total{outcome="again"} 1\n');
    expect(service.log()).not.toContain("T0PSECRET");
    expect(service.log()).not.toContain(SECRET);
  } finally {
    await service.remove();
  }
});
