/** What a statement costs, in the database's own count. */
import type { Pool } from "pg";
import type { Database } from "../../src/store/database.ts";

/**
 * Pages that the statements of `work` touch, with a plan made for their values, or with one made for any. They are
 * explained, which carries them out, and undone; `work` sees no rows.
 */
export async function pagesOf(
  pool: Pool,
  mode: "custom" | "generic",
  work: (db: Database) => Promise<unknown>,
): Promise<number> {
  const client = await pool.connect();
  let pages = 0;
  const explained = {
    query: async ({ text, values }: { readonly text: string; readonly values: readonly unknown[] }) => {
      const { rows } = await client.query(`explain (analyze, buffers, format json) ${text}`, [...values]);
      const { Plan: plan } = rows[0]["QUERY PLAN"][0];
      pages += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
      return { rows: [], rowCount: 0 };
    },
  };
  await client.query(`set plan_cache_mode = force_${mode}_plan`);
  await client.query("begin");
  await work(explained as unknown as Database);
  await client.query("rollback");
  client.release(true);
  return pages;
}
