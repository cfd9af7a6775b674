/** docs/connections.md and docs/secrets.md as they are followed: a connection is kept and tried, and the master key changed. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { MasterKeyUse } from "../src/engine/secret-rotation.ts";
import { runCommand } from "./setup/cli.ts";
import { databaseUser } from "./setup/database-user.ts";
import { type Service, startService } from "./setup/service.ts";

// Three starts of a service, one after the other.
vi.setConfig({ testTimeout: 240_000 });

const WAIT = { timeout: 60_000, interval: 200 };
const PASSWORD = "the-password-of-the-shop";

async function pageOf(name: string): Promise<string> {
  return await readFile(join(import.meta.dirname, "../docs", name), "utf8");
}

/** A service that is started again on the same folder each time; the last one is removed with the test. */
async function setup() {
  const env = { AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback" };
  let service = await startService({ env });
  onTestFinished(() => service.remove());
  const azalai = async (...words: string[]) => {
    const { code, stdout, stderr } = await runCommand(["--data-dir", service.dataDir, ...words]);
    return { code, text: stdout + stderr };
  };
  return {
    azalai,
    dataDir: service.dataDir,
    send: async (method: string, path: string, body?: object) => await send(service, method, path, body),
    keys: async (): Promise<MasterKeyUse[]> => JSON.parse((await azalai("secrets", "keys", "--json")).text),
    restart: async () => {
      await service.stop();
      service = await startService({ env, dataDir: service.dataDir });
    },
  };
}

async function send(service: Service, method: string, path: string, body?: object) {
  const { projectId } = service.credentials;
  const answer = await fetch(service.url + path.replace("{project_id}", projectId), {
    method,
    headers: { "x-auth-token": await service.token(), "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: text === "" ? undefined : JSON.parse(text) };
}

test("the page's connection is kept, tried, and outlives a change of the master key as the pages tell it", async () => {
  const { azalai, dataDir, send, keys, restart } = await setup();
  const page = await pageOf("connections.md");
  const [, example = ""] = /```json\n(.*?)```/s.exec(page) ?? [];
  const shop = JSON.parse(example);
  const config = { ...shop.config, ...(await databaseUser(PASSWORD)), sslEnable: false };
  const file = join(dataDir, "shop.json");
  await writeFile(file, JSON.stringify({ ...shop, config: { ...config, password: PASSWORD } }));
  expect(await azalai("connections", "save", file)).toMatchObject({ code: 0 });
  expect((await azalai("connections", "show", "shop")).text).toContain("*********");

  const tried = new RegExp(`^shop: PostgreSQL [0-9.]+.*, as "${config.userName}" in the database "`);
  expect(/# (shop: PostgreSQL [0-9.]+, as "etl" in the database)/.test(page)).toBe(true);
  expect((await azalai("connections", "test", "shop")).text).toMatch(tried);
  const wrong = { name: "shop", type: "RDS", config: { ...config, password: "wrong" } };
  const path = "/v1/{project_id}/connections/shop";
  expect(await send("PUT", `${path}?ischeck=true`, wrong)).toMatchObject({
    status: 400,
    json: { error_code: "DLF.6423", error_msg: expect.stringContaining("password authentication failed") },
  });
  const masked = { ...wrong, config: { ...config, password: "*********" } };
  expect(await send("PUT", `${path}?ischeck=true`, masked)).toMatchObject({ status: 204 });
  expect(await send("POST", "/api/connections/shop/test")).toMatchObject({ status: 200, json: { ok: true } });

  // A new key in front: everything moves under it by itself.
  const keyFile = join(dataDir, "master.key");
  const older = await readFile(keyFile, "utf8");
  const [before] = await keys();
  expect(before).toMatchObject({ state: "current" });
  await writeFile(keyFile, `${randomBytes(32).toString("base64")}\n${older}`);
  await restart();
  const secrets = before?.secrets;
  await expect.poll(keys, WAIT).toMatchObject([
    { state: "current", secrets },
    { id: before?.id, state: "previous", secrets: 0 },
  ]);
  const shown = (await azalai("secrets", "keys")).text;
  const table = await pageOf("secrets.md");
  for (const words of ["KEY", "SECRETS", "STATE", "MEANING", "seals now", "no secret needs it: it may go"])
    for (const text of [shown, table]) expect(text).toContain(words);
  expect((await azalai("secrets", "rotate")).text).toContain("0 secrets brought under the newest key");

  // Without the older key all of it is still open.
  await writeFile(keyFile, (await readFile(keyFile, "utf8")).split("\n")[0] ?? "");
  await restart();
  expect(await keys()).toHaveLength(1);
  expect((await azalai("connections", "test", "shop")).text).toMatch(tried);
});

test("a try that fails ends the command with 1 and the reason", async () => {
  const { azalai, dataDir } = await setup();
  const file = join(dataDir, "gone.json");
  const config = { ip: "127.0.0.1", port: 1, userName: "u", password: PASSWORD };
  await writeFile(file, JSON.stringify({ name: "gone", type: "RDS", config }));
  await azalai("connections", "save", file);
  const { code, text } = await azalai("connections", "test", "gone");
  expect([code, text]).toEqual([1, expect.stringMatching(/gone: .*ECONNREFUSED/)]);
  expect(text).not.toContain(PASSWORD);
});
