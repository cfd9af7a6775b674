/** Connections by the older SDK of v1. */
import { expect } from "vitest";
import { NOTHING, OK, type Play, type Stage } from "./play.ts";

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

export const connectionPlays: readonly Play[] = [
  { sdk: "dlf", about: "keeps connections", perform: keepConnections },
];
