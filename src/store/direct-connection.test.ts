/** The connection beside the pool. */
import { expect, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import { connectDirectly } from "./direct-connection.ts";

test("statements that are asked for at once run in their order, and one that fails does not hold up the next", async () => {
  const { connection } = await testDatabase();
  const direct = await connectDirectly(connection);
  const texts = ["select 1 as n", "select 1 / 0", "select 2 as n"];
  const ends = await Promise.allSettled(texts.map((text) => direct.query({ text })));
  expect(ends).toMatchObject([
    { value: { rows: [{ n: 1 }] } },
    { reason: { message: "division by zero" } },
    { value: { rows: [{ n: 2 }] } },
  ]);
  await direct.close();
});

test("statements that wait when the connection breaks fail, and so do later ones", async () => {
  const { connection } = await testDatabase();
  const direct = await connectDirectly(connection);
  const lost = new Promise<void>((resolve) => direct.onLost(resolve));
  const waiting = ["select pg_sleep(60)", "select 1"].map((text) => direct.query({ text }));
  const ends = Promise.allSettled(waiting);
  direct.drop();
  expect(await ends).toMatchObject([{ status: "rejected" }, { status: "rejected" }]);
  await lost;
  await expect(direct.query({ text: "select 1" })).rejects.toThrow();
});
