/** HTTP calls of nodes: what is sent, where they may lead, what counts as success. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Work, WorkContext } from "./operator.ts";
import { createRestOperator } from "./rest.ts";
import { OPERATOR_DEFAULTS } from "./settings.ts";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

let seen: Seen[] = [];
let answer: (request: Seen, response: ServerResponse) => void;
let url = "";
let close: () => void;

beforeEach(async () => {
  seen = [];
  answer = (_, response) => response.end("good");
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const one = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body };
    seen.push(one);
    answer(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => {
    server.closeAllConnections();
    server.close();
  };
});

afterEach(() => close());

async function call(properties: Record<string, string>, allowedAddresses: readonly string[] = ["loopback"]) {
  let log = "";
  const operator = createRestOperator({
    allowedAddresses,
    rest: { ...OPERATOR_DEFAULTS.rest, responseBytesMax: 1000, requestBytesMax: 1000 },
  });
  const work = { type: "RESTAPI", nodeName: "node", properties } as unknown as Work;
  const context = {
    signal: new AbortController().signal,
    log: (chunk: string) => (log += chunk),
  } as unknown as WorkContext;
  return { outcome: await operator.run(work, context), log };
}

test("method, path, query, headers and body arrive as written", async () => {
  const { outcome } = await call({
    url: `${url}/a%20b?q=1&q=2`,
    method: "POST",
    headers: "X-One=1\nX-Two = a=b \r\nContent-Type: application/json\n\nHost=elsewhere",
    body: '{"é":1}',
  });
  expect(outcome).toEqual({ state: "succeeded", output: "good" });
  expect(seen[0]).toMatchObject({ method: "POST", url: "/a%20b?q=1&q=2", body: '{"é":1}' });
  expect(seen[0]?.headers).toMatchObject({
    "x-one": "1",
    "x-two": "a=b",
    "content-type": "application/json",
    host: new URL(url).host,
  });
});

test("a header keeps the colon of its value", async () => {
  await call({ url, method: "GET", headers: "X-Link=http://h:1/\nX-Time: 10:11" });
  expect(seen[0]?.headers).toMatchObject({ "x-link": "http://h:1/", "x-time": "10:11" });
});

test.each([201, 204, 302, 400, 500])("a status of %d is a failure", async (status) => {
  answer = (_, response) => response.writeHead(status).end();
  const { outcome } = await call({ url, method: "GET" });
  expect(outcome).toMatchObject({ state: "failed", message: `HTTP status ${status} where 200 is expected` });
});

test("an answer over the limit fails instead of being cut", async () => {
  answer = (_, response) => response.end("x".repeat(1001));
  expect((await call({ url, method: "GET" })).outcome).toMatchObject({
    state: "failed",
    message: expect.stringContaining("longer than 1000 bytes"),
  });
});

test("neither headers nor query stand in the log", async () => {
  const { log } = await call({
    url: `${url}/p?token=secret1`,
    method: "GET",
    headers: "Authorization=secret2",
  });
  expect(log).toContain("/p: 200");
  expect(log).not.toMatch(/secret/);
});

test.each([
  [{ url: "ftp://h/" }, /no http or https/],
  [{ url: "no address" }, /no http or https/],
  [{ method: "GET" }, /lacks its property url/],
  [{ url: "http://h/", method: "PATCH" }, /PATCH is none of/],
  [{ url: "http://h/", headers: "no header" }, /not of the form/],
  [{ url: "http://h/", method: "POST", body: "x".repeat(1001) }, /longer than 1000/],
  [{ url: "http://h/", securityAuthentication: "IAM" }, /IAM/],
])("%j is refused for good", async (properties, message) => {
  const { outcome } = await call(properties as unknown as Record<string, string>);
  expect(outcome).toMatchObject({
    state: "failed",
    permanent: true,
    message: expect.stringMatching(message),
  });
});

describe("a redirect", () => {
  test("is followed, as GET after a 303, and keeps method and body after a 307", async () => {
    answer = ({ url: path }, response) => {
      if (path === "/303" || path === "/307")
        response.writeHead(Number(path.slice(1)), { location: "end" }).end();
      else response.end("end");
    };
    expect((await call({ url: `${url}/303`, method: "POST", body: "b" })).outcome).toMatchObject({
      output: "end",
    });
    await call({ url: `${url}/307`, method: "PUT", body: "b" });
    expect(seen.map(({ method, url: path, body }) => `${method} ${path} ${body}`)).toEqual([
      "POST /303 b",
      "GET /end ",
      "PUT /307 b",
      "PUT /end b",
    ]);
  });

  test("to an address that may not be dialled is refused", async () => {
    answer = (_, response) =>
      response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end();
    expect((await call({ url, method: "GET" })).outcome).toMatchObject({
      state: "failed",
      message: expect.stringContaining("link-local"),
    });
  });

  test("to another host leaves the caller's credentials behind", async () => {
    answer = ({ url: path }, response) => {
      if (path === "/")
        response.writeHead(302, { location: `${url.replace("127.0.0.1", "localhost")}/end` }).end();
      else response.end("end");
    };
    await call(
      { url: `${url}/`, method: "GET", headers: "Authorization=secret\nX-Auth-Token=secret\nX-Other=kept" },
      ["loopback"],
    );
    expect(seen[1]?.headers).toMatchObject({ "x-other": "kept" });
    expect(seen[1]?.headers).not.toHaveProperty("authorization");
    expect(seen[1]?.headers).not.toHaveProperty("x-auth-token");
  });

  test("that never ends is left after some", async () => {
    answer = (_, response) => response.writeHead(302, { location: "/" }).end();
    expect((await call({ url, method: "GET" })).outcome).toMatchObject({
      state: "failed",
      message: "More than 5 redirects.",
    });
  });
});

test("the loopback is closed unless it is allowed", async () => {
  expect((await call({ url, method: "GET" }, [])).outcome).toMatchObject({
    state: "failed",
    permanent: true,
  });
  expect(seen).toEqual([]);
});

test("a host that does not answer is a failure that may be tried again", async () => {
  close();
  const { outcome } = await call({ url, method: "GET" });
  expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("ECONNREFUSED") });
  expect(outcome).not.toHaveProperty("permanent");
});
