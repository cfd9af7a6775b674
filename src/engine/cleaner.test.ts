/** The cleaner on a real database. */
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import { countListed } from "../store/list-blocks.ts";
import { createCleaner } from "./cleaner.ts";

const PROJECT = "0123456789abcdef0123456789abcdef";
const NOW = new Date("2026-01-02T03:04:05Z");

test("waiting counts are folded; expired tokens, old arrivals and tasks are gone, others stay", async () => {
  const { pool } = await testDatabase();
  await pool.query("insert into project (id, name, created_at) values ($1, 'one', $2)", [PROJECT, NOW]);
  await pool.query("insert into workspace (project_id, id, created_at) values ($1, 'default', $2)", [
    PROJECT,
    NOW,
  ]);
  await pool.query(
    `insert into job (project_id, workspace_id, name, kind, version, created_at, created_by, updated_at, updated_by)
     select $1, 'default', 'job' || n, 'batch', 1, $2, 'me', $2, 'me' from generate_series(1, 30) n`,
    [PROJECT, NOW],
  );
  await pool.query(
    "insert into user_account (id, name, password_hash, created_at) values ($1, 'ann', '', $2)",
    [PROJECT, NOW],
  );
  await pool.query(
    `insert into token (hash, audit_id, user_id, scope, methods, issued_at, expires_at)
     select sha256(convert_to(n::text, 'utf8')), n, $1, 'unscoped', '{password}', $2::timestamptz - interval '2 hours',
            $2::timestamptz + (n - 3) * interval '1 hour'
     from generate_series(2, 4) n`,
    [PROJECT, NOW],
  );
  await pool.query(
    `insert into file_arrival (project_id, number, path, arrived_at)
     select $1, n, 'obs://b/' || n, $2::timestamptz - n * interval '29 days' from generate_series(1, 2) n`,
    [PROJECT, NOW],
  );
  await pool.query(
    `insert into system_task (project_id, id, workspace_id, kind, name, request, state, created_at, created_by,
                              updated_at, ended_at)
     select $1, gen_random_uuid(), 'default', 'import-jobs', n::text, '{}', 'failed', t, 'ann', t, t
     from (select n, $2::timestamptz - n * interval '29 days' as t from generate_series(1, 2) n) ended`,
    [PROJECT, NOW],
  );
  const cleaner = createCleaner({ pool, now: () => NOW, observe: () => undefined });
  onTestFinished(() => cleaner.stop());
  cleaner.start();
  await cleaner.round();
  expect((await pool.query("select count(*) as n from list_block_delta")).rows).toEqual([{ n: 0 }]);
  expect(await countListed(pool, { projectId: PROJECT, list: "job", scopes: ["default/batch"] })).toBe(30);
  expect((await pool.query("select audit_id from token order by 1")).rows).toEqual([{ audit_id: "4" }]);
  expect((await pool.query("select path from file_arrival")).rows).toEqual([{ path: "obs://b/1" }]);
  expect((await pool.query("select name from system_task")).rows).toEqual([{ name: "1" }]);
});
