/** Webhooks: what a receiver gets, what counts as taken, and where none may lead. */
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { isSigned, startReceiver } from "../../test/setup/webhook.ts";
import { createWebhookSender } from "./webhook.ts";

const SECRET = "a secret of a target";
const now = () => new Date("2026-11-23T06:00:00.999Z");

async function send(url: string, allowedAddresses: readonly string[] = ["loopback"]): Promise<void> {
  const sender = createWebhookSender({ allowedAddresses, now });
  await sender({ url, secret: SECRET, id: "7", body: '{"é":1}' }, new AbortController().signal);
}

test("a receiver gets the body, the notice's id, and a signature over time and body", async () => {
  const receiver = await startReceiver();
  await send(`${receiver.url}/hook?key=1`);
  const [call] = receiver.received;
  expect(call).toMatchObject({
    method: "POST",
    path: "/hook?key=1",
    body: '{"é":1}',
    headers: { "content-type": "application/json; charset=utf-8", "x-azalai-notice": "7" },
  });
  expect(call?.headers["x-azalai-signature"]).toMatch(/^t=1795413600,v1=/);
  expect(call !== undefined && isSigned(call, SECRET)).toBe(true);
  expect(call !== undefined && isSigned(call, "another secret")).toBe(false);
});

test.each([200, 201, 202, 204, 299])("status %d is a success", async (status) => {
  const { url } = await startReceiver((_, response) => response.writeHead(status).end());
  await send(url);
});

test.each([199 + 101, 400, 404, 410, 500, 503])(
  "status %d is a failure, with the status as its reason",
  async (status) => {
    const { url } = await startReceiver((_, response) => response.writeHead(status).end("our secrets"));
    await expect(send(url)).rejects.toThrow(`HTTP status ${status} where 2xx is expected`);
  },
);

test("a redirect is followed by nobody", async () => {
  const elsewhere = await startReceiver();
  const redirect = (_: unknown, response: ServerResponse) =>
    response.writeHead(307, { location: elsewhere.url }).end();
  const { url } = await startReceiver(redirect);
  await expect(send(url)).rejects.toThrow("HTTP status 307");
  expect(elsewhere.received).toEqual([]);
});

test("loopback, private and metadata addresses are refused unless they are allowed, some always", async () => {
  const receiver = await startReceiver();
  await expect(send(receiver.url, [])).rejects.toThrow(/loopback address/);
  await expect(send("http://10.0.0.1/", [])).rejects.toThrow(/private address/);
  await expect(send("http://169.254.169.254/latest", ["loopback", "private"])).rejects.toThrow(/metadata/);
  expect(receiver.received).toEqual([]);
});

test("a failure names no part of the address that may be a secret", async () => {
  const { url } = await startReceiver((_, response) => response.destroy());
  const failure = await send(`${url}/T0PSECRET?key=T0PSECRET`).then(
    () => "none",
    (error: Error) => error.message,
  );
  expect(failure).not.toBe("none");
  expect(failure).not.toContain("T0PSECRET");
});

test("what is broken off ends at once", async () => {
  const abort = new AbortController();
  const { url } = await startReceiver(() => abort.abort());
  const sender = createWebhookSender({ allowedAddresses: ["loopback"], now });
  await expect(sender({ url, secret: SECRET, id: "7", body: "{}" }, abort.signal)).rejects.toThrow(/abort/i);
});
