/** Where no webhook leads: names whose answers change, addresses in disguise, and redirects. */
import type { ServerResponse } from "node:http";
import { expect, test, vi } from "vitest";
import { startReceiver } from "../../test/setup/webhook.ts";
import { createWebhookSender } from "./webhook.ts";

const names = vi.hoisted(() => ({ answers: [] as readonly string[][], asked: 0 }));
vi.mock("node:dns/promises", async (original) => {
  const real = await original<typeof import("node:dns/promises")>();
  const lookup = async (name: string) => {
    if (!name.endsWith(".test")) return await real.lookup(name, { all: true });
    const found = names.answers[Math.min(names.asked, names.answers.length - 1)] ?? [];
    names.asked += 1;
    return found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
  return { ...real, lookup };
});

/** What the name `hooks.test` leads to: once, then at each further asking. */
function nameLeadsTo(...answers: string[][]) {
  names.answers = answers;
  names.asked = 0;
}

async function send(url: string, allowedAddresses: readonly string[] = []): Promise<void> {
  const sender = createWebhookSender({ allowedAddresses, now: () => new Date("2026-11-23T06:00:00.000Z") });
  const call = { url, secret: "a secret of a target", id: "7", body: "{}" };
  await sender(call, new AbortController().signal);
}

test("what is dialled is the address that was checked, and a name that leads elsewhere later is refused then", async () => {
  const inner = await startReceiver();
  const { port } = new URL(inner.url);
  const outer = await startReceiver(undefined, { host: "127.0.0.2", port: Number(port) });
  nameLeadsTo(["127.0.0.2"], ["127.0.0.1"]);
  const url = `http://hooks.test:${port}/`;
  await send(url, ["127.0.0.2"]);
  expect([names.asked, outer.received.length, inner.received.length]).toEqual([1, 1, 0]);
  expect(outer.received[0]?.headers.host).toBe(`hooks.test:${port}`);
  await expect(send(url, ["127.0.0.2"])).rejects.toThrow(/loopback address/);
  expect(inner.received).toEqual([]);
});

test("of several addresses of a name only one that may be dialled is", async () => {
  const inner = await startReceiver();
  const { port } = new URL(inner.url);
  const outer = await startReceiver(undefined, { host: "127.0.0.2", port: Number(port) });
  nameLeadsTo(["127.0.0.1", "10.0.0.1", "::1", "127.0.0.2"]);
  await send(`http://hooks.test:${port}/`, ["127.0.0.2"]);
  expect([outer.received.length, inner.received.length]).toEqual([1, 0]);
});

test.each([
  "127.0.0.1",
  "10.0.0.1",
  "169.254.169.254",
  "::1",
  "::",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::127.0.0.1",
  "64:ff9b::7f00:1",
  "64:ff9b:1::7f00:1",
  "2002:7f00:1::1",
  "fe80::1",
  "fe80::1%lo",
  "fd00:ec2::254",
  "fd12::1",
])("a name that leads to %s is not called", async (address) => {
  nameLeadsTo([address]);
  await expect(send("http://hooks.test/")).rejects.toThrow(/may not be reached from here/);
});

test.each([
  "localhost",
  "localhost.",
  "LOCALHOST",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "0177.0.0.1",
  "127.1",
  "0",
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[64:ff9b::127.0.0.1]",
  "[2002:7f00:1::]",
  "[fe80::1]",
  "①②⑦.0.0.1",
  "127。0。0。1",
])("http://%s/ leads to no server of this machine", async (host) => {
  const { received, url } = await startReceiver();
  await expect(send(`http://${host}:${new URL(url).port}/`)).rejects.toThrow(/may not be reached|not found/);
  expect(received).toEqual([]);
});

test.each([301, 302, 303, 307, 308])("a redirect with status %d is followed nowhere", async (status) => {
  const inner = await startReceiver();
  const redirect = (_: unknown, response: ServerResponse) =>
    response.writeHead(status, { location: inner.url }).end();
  const outer = await startReceiver(redirect, { host: "127.0.0.2" });
  await expect(send(outer.url, ["127.0.0.2"])).rejects.toThrow(`HTTP status ${status}`);
  expect(inner.received).toEqual([]);
});
