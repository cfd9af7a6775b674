/** A user of the tests' PostgreSQL who logs in with a password, as the connections of users do. */
import { randomBytes } from "node:crypto";
import { onTestFinished } from "vitest";
import { testDatabase } from "./postgres.ts";
import { startProxy } from "./proxy.ts";

/** Gives what a connection says to reach a new database, all but the password; the user ends with the test. */
export async function databaseUser(password: string) {
  const { pool, connection } = await testDatabase();
  const user = `user_${randomBytes(6).toString("hex")}`;
  await pool.query(`create role ${user} login password '${password}'`);
  onTestFinished(async () => {
    await pool.query(`drop role ${user}`);
  });
  const { port } = (await startProxy(connection)).connection;
  return { ip: "127.0.0.1", port, userName: user, database: connection.database };
}
