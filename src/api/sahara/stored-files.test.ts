import { createHash, randomBytes, randomUUID } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type SaharaWorld, saharaWorld, tokenOf } from "../../../test/setup/sahara-world.ts";

const MAX = 3 * 1024 * 1024;

let world: SaharaWorld;
let base: string;

beforeAll(async () => {
  world = await saharaWorld("none", { uploadBytesMax: MAX });
  base = await world.app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => world.close());

function setup() {
  const project = randomUUID().replaceAll("-", "");
  const headers = { "x-auth-token": tokenOf(project) };
  const url = (path: string) => `${base}/v1.1/${project}${path}`;
  const put = (
    name: string,
    body: string | Uint8Array<ArrayBuffer> | ReadableStream,
    type = "application/octet-stream",
  ) =>
    fetch(url(`/job-binary-internals/${name}`), {
      method: "PUT",
      headers: { ...headers, "content-type": type },
      body,
      duplex: "half",
    } as RequestInit);
  const get = (path: string) => fetch(url(path), { headers });
  const send = (method: string, path: string, body?: object) =>
    fetch(url(path), {
      method,
      headers: { ...headers, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  return { project, put, get, send, blobs: () => world.deps.blobs.list(project, "") };
}

/** A body that comes in pieces, its length not said. */
function chunked(pieces: readonly Uint8Array[]): ReadableStream {
  return ReadableStream.from(pieces);
}

test("bytes come back as they went, to be saved and never shown", async () => {
  const { project, put, get } = setup();
  const pieces = Array.from({ length: 20 }, () => randomBytes(100_000));
  const made = await put("a.jar", chunked(pieces));
  expect(made.status).toBe(202);
  const { job_binary_internal: file } = (await made.json()) as { job_binary_internal: { id: string } };
  expect(file).toMatchObject({ name: "a.jar", datasize: 2_000_000, tenant_id: project });
  const data = await get(`/job-binary-internals/${file.id}/data`);
  expect(data.headers.get("content-type")).toBe("application/octet-stream");
  expect(data.headers.get("x-content-type-options")).toBe("nosniff");
  expect(data.headers.get("content-disposition")).toBe("attachment");
  expect(Buffer.from(await data.arrayBuffer()).equals(Buffer.concat(pieces))).toBe(true);
  const { rows } = await world.database.pool.query("select sha256 from stored_file where project_id = $1", [
    project,
  ]);
  expect(rows[0].sha256).toEqual(createHash("sha256").update(Buffer.concat(pieces)).digest());
});

test("what is too large is refused, whether its length is said or not, and nothing of it stays", async () => {
  const { put, get, blobs } = setup();
  const piece = randomBytes(1024 * 1024);
  const said = await put("a", Buffer.concat([piece, piece, piece, piece]));
  expect([said.status, await said.json()]).toMatchObject([400, { error_name: "DATA_TOO_BIG" }]);
  const unsaid = await put("a", chunked([piece, piece, piece, randomBytes(1)]));
  expect([unsaid.status, await unsaid.json()]).toMatchObject([400, { error_name: "DATA_TOO_BIG" }]);
  const exact = await put("a", chunked([piece, piece, piece]));
  expect(exact.status).toBe(202);
  expect(await blobs()).toHaveLength(1);
  expect(
    ((await (await get("/job-binary-internals")).json()) as { binaries: object[] }).binaries,
  ).toHaveLength(1);
});

test("an empty body, a form, a name against the pattern and a taken name are refused and leave nothing", async () => {
  const { put, blobs } = setup();
  for (const [name, body, type, error] of [
    ["a", "", "application/octet-stream", "BAD_JOB_BINARY"],
    ["a", "x=1", "application/x-www-form-urlencoded", "BAD_JOB_BINARY"],
    ["bad%20name", "x", "text/plain", "BAD_JOB_BINARY"],
    ["-lead", "x", "text/plain", "BAD_JOB_BINARY"],
    ["a%2Fb", "x", "text/plain", "BAD_JOB_BINARY"],
  ] as const) {
    const answer = await put(name, body, type);
    expect([answer.status, await answer.json()], name).toMatchObject([400, { error_name: error }]);
  }
  const answers = await Promise.all([1, 2, 3].map(() => put("twin", randomBytes(200_000))));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 400, 400]);
  expect(await blobs()).toHaveLength(1);
  const again = await put("twin", "x");
  expect([again.status, await again.json()]).toMatchObject([400, { error_name: "DB_DUPLICATE_ENTRY" }]);
});

test("a name may end in .json, and be longer than other names", async () => {
  const { put } = setup();
  for (const name of ["conf.json", "x".repeat(150)]) {
    const made = await put(name, "{}", "application/json");
    expect([made.status, await made.json()]).toMatchObject([202, { job_binary_internal: { name } }]);
  }
});

test("an upload that breaks off leaves nothing", async () => {
  const { project, get, blobs } = setup();
  await get("/job-binary-internals"); // makes the project
  const socket = connect(Number(new URL(base).port), "127.0.0.1");
  const head = `PUT /v1.1/${project}/job-binary-internals/half HTTP/1.1\r\nhost: x\r\nx-auth-token: ${tokenOf(project)}\r\n`;
  socket.write(`${head}content-type: application/octet-stream\r\ncontent-length: 1000000\r\n\r\n`);
  const seen = vi.spyOn(world.deps.blobs, "put");
  socket.write(randomBytes(300_000));
  await vi.waitFor(() => expect(seen).toHaveBeenCalled());
  socket.destroy();
  await expect(seen.mock.results[0]?.value).rejects.toThrow();
  seen.mockRestore();
  expect(await blobs()).toEqual([]);
  const listed = (await (await get("/job-binary-internals")).json()) as { binaries: object[] };
  expect(listed.binaries).toEqual([]);
});

test("deleting a file deletes its bytes; a binary that names it says so", async () => {
  const { put, get, send, blobs } = setup();
  const { job_binary_internal: file } = (await (await put("a.sh", "true")).json()) as {
    job_binary_internal: { id: string };
  };
  const made = await send("POST", "/job-binaries", { name: "b", url: `internal-db://${file.id}` });
  const { job_binary: binary } = (await made.json()) as { job_binary: { id: string } };
  expect(await (await get(`/job-binaries/${binary.id}/data`)).text()).toBe("true");
  expect((await send("DELETE", `/job-binary-internals/${file.id}`)).status).toBe(204);
  expect(await blobs()).toEqual([]);
  const gone = await get(`/job-binaries/${binary.id}/data`);
  expect([gone.status, await gone.json()]).toMatchObject([400, { error_name: "INVALID_REFERENCE" }]);
  expect((await get(`/job-binary-internals/${file.id}/data`)).status).toBe(404);
});

test("a binary in a bucket is read from the project's own bucket, one on another system is refused", async () => {
  const { project, send, get } = setup();
  await world.deps.blobs.put(project, "buckets/lib/app.jar", Buffer.from("bytes"));
  for (const [name, url, expected] of [
    ["here", "obs://lib/app.jar", [200, "bytes"]],
    ["same", "s3a://lib/app.jar", [200, "bytes"]],
    ["missing", "obs://lib/none.jar", [404, expect.stringContaining("NOT_FOUND")]],
    ["hdfs", "hdfs://h/app.jar", [400, expect.stringContaining("12000054")]],
  ] as const) {
    const made = await send("POST", "/job-binaries", { name, url });
    const { job_binary: binary } = (await made.json()) as { job_binary: { id: string } };
    const data = await get(`/job-binaries/${binary.id}/data`);
    expect([data.status, await data.text()], name).toEqual(expected);
  }
});
