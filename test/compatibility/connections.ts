/** Connections by the older SDK of v1. */
import { expect } from "vitest";
import { eventually, NOTHING, OK, type Play, type Stage } from "./play.ts";

async function keepConnections({ call, refusal }: Stage): Promise<void> {
  const config = { ip: "10.0.0.1", port: "5432", userName: "u" };
  const body = { name: "c1", type: "RDS", config: { ...config, password: "p" }, description: "x" };
  const shown = { ...body, config: { ...config, password: "*********" } };
  expect(await call("create_connection", { body })).toEqual(NOTHING);
  const which = { connection_name: "c1" };
  expect(await call("show_connection", which)).toEqual({ ...OK, ...shown });
  expect(await call("list_connections")).toEqual({ ...OK, total: 1, connections: [shown] });
  const changed = { ...shown, description: "y" };
  expect(await call("update_connection", { ...which, body: changed })).toEqual(NOTHING);
  expect(await call("show_connection", which)).toEqual({ ...OK, ...changed });
  expect(await call("delete_connction", which)).toEqual(NOTHING);
  expect(await refusal("show_connection", which)).toMatchObject({ status: 400, code: "DLF.6322" });
}

async function exchangeConnections({ call, send, workspace }: Stage): Promise<void> {
  const config = { ip: "10.0.0.1", port: "5432", userName: "u", password: "never-in-a-package" };
  await call("create_connection", { body: { name: "c1", type: "RDS", config } });
  const { http_status, bytes } = await call("export_connections");
  expect({ http_status }).toEqual(OK);
  const zip = Buffer.from(bytes, "base64");
  expect(zip.includes("connections/c1.conn")).toBe(true);
  await call("delete_connction", { connection_name: "c1" });
  await send("PUT", `/api/files/${workspace}/connections.zip`, zip);
  const body = {
    path: `obs://${workspace}/connections.zip`,
    params: [{ name: "c1", connection_type: "RDS", params: { password: "p", port: "5433" } }],
    same_name_policy: "OVERWRITE",
  };
  const { task_id } = await call("import_connections", { body });
  const task = await eventually(async () => {
    const seen = await call("list_system_tasks", { task_id });
    expect(seen.status).not.toBe("RUNNING");
    return seen;
  });
  expect(task).toMatchObject({ status: "SUCCESSFUL", sub_tasks: [{ name: "c1", status: "SUCCESSFUL" }] });
  expect(await call("show_connection", { connection_name: "c1" })).toMatchObject({
    config: { ip: "10.0.0.1", port: "5433", userName: "u", password: "*********" },
  });
}

export const connectionPlays: readonly Play[] = [
  { sdk: "dlf", about: "keeps connections", perform: keepConnections },
  { sdk: "dlf", about: "exchanges packages of connections", perform: exchangeConnections },
];
