import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import type { DatabasePool } from "./database.ts";
import { JOB_BINARIES, type JobBinaryField, type JobBinaryRow } from "./job-binaries.ts";
import { BATCH_ROWS, findMarker, listMarkerBatches } from "./marker-list.ts";
import type { ListFilter, MarkerQuery } from "./marker-table.ts";

const AT = Date.UTC(2026, 0, 1);

let pool: DatabasePool;

beforeAll(async () => {
  pool = (await testDatabase()).pool;
});

interface Row {
  readonly name: string;
  /** Minutes after the first. */
  readonly created?: number;
  readonly updated?: number | null;
  readonly isPublic?: boolean;
  readonly url?: string;
}

async function project(rows: readonly Row[]): Promise<string> {
  const id = newId();
  await pool.query("insert into project (id, name, created_at) values ($1::uuid, $1::uuid::text, now())", [
    id,
  ]);
  const time = (minutes: number | null | undefined) =>
    minutes === null || minutes === undefined ? null : new Date(AT + minutes * 60_000);
  await pool.query(
    `insert into job_binary (project_id, id, name, url, is_public, created_at, updated_at)
     select $1, * from unnest($2::uuid[], $3::text[], $4::text[], $5::boolean[], $6::timestamptz[], $7::timestamptz[])`,
    [
      id,
      rows.map(newId),
      rows.map(({ name }) => name),
      rows.map(({ url = "/x" }) => url),
      rows.map(({ isPublic = false }) => isPublic),
      rows.map(({ created = 0 }) => time(created)),
      rows.map(({ updated }) => time(updated)),
    ],
  );
  return id;
}

interface Asked {
  readonly sort?: JobBinaryField;
  readonly descending?: boolean;
  readonly filters?: readonly ListFilter<JobBinaryField>[];
  readonly limit?: number;
  readonly marker?: string;
}

async function list(
  projectId: string,
  { sort = "id", descending = false, filters = [], limit, marker }: Asked,
) {
  const query: MarkerQuery<JobBinaryField> = {
    projectId,
    sort: { field: sort, descending },
    filters,
    page: limit === undefined ? {} : { limit },
  };
  const place = marker === undefined ? undefined : await findMarker(pool, JOB_BINARIES, query, marker);
  const sizes: number[] = [];
  const rows: JobBinaryRow[] = [];
  let markers: { prev: string | null; next: string | null } | undefined;
  for await (const batch of listMarkerBatches<JobBinaryField, JobBinaryRow>(
    pool,
    JOB_BINARIES,
    query,
    place,
  )) {
    sizes.push(batch.rows.length);
    rows.push(...batch.rows);
    markers = batch.markers;
  }
  return { rows, names: rows.map(({ name }) => name), markers, sizes };
}

/** Every page of a walk over `next`, and the markers that lead back. */
async function walk(projectId: string, asked: Asked & { readonly limit: number }) {
  const pages: string[][] = [];
  const prevs: (string | null | undefined)[] = [];
  const used: (string | undefined)[] = [];
  let marker: string | undefined;
  do {
    const page = await list(projectId, { ...asked, ...(marker !== undefined && { marker }) });
    pages.push(page.names);
    prevs.push(page.markers?.prev);
    used.push(marker);
    marker = page.markers?.next ?? undefined;
  } while (marker !== undefined);
  return { pages, prevs, used };
}

test("rows that tie are all met, ordered by id in the direction of the sort", async () => {
  const owner = await project(
    Array.from({ length: 7 }, (_, n) => ({ name: `n${n}`, created: n < 5 ? 1 : 2 })),
  );
  for (const descending of [false, true]) {
    const { pages } = await walk(owner, { sort: "createdAt", descending, limit: 2 });
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 2, 1]);
    expect(new Set(pages.flat()).size).toBe(7);
    const { rows } = await list(owner, { sort: "createdAt", descending });
    const keys = rows.map((row) => `${row.created_at.toISOString()} ${row.id}`);
    expect(keys).toEqual(descending ? keys.toSorted().reverse() : keys.toSorted());
    expect(pages.flat()).toEqual(rows.map(({ name }) => name));
  }
});

test("prev names the marker of the page before, and is null on the first two pages", async () => {
  const owner = await project(Array.from({ length: 9 }, (_, n) => ({ name: `n${n}` })));
  for (const descending of [false, true]) {
    const { prevs, used } = await walk(owner, { sort: "name", descending, limit: 2 });
    expect(prevs).toEqual([null, null, ...used.slice(1, -1)]);
  }
});

test("a last page that is exactly full has no next", async () => {
  const owner = await project(["a", "b", "c", "d"].map((name) => ({ name })));
  expect((await walk(owner, { sort: "name", limit: 2 })).pages).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
});

test("rows that were never changed sort after all changed ones, and before them in descending order", async () => {
  const owner = await project([
    { name: "never", updated: null },
    { name: "late", updated: 9 },
    { name: "early", updated: 1 },
    { name: "never-either", updated: null },
  ]);
  for (const limit of [1, 3]) {
    const ascending = (await walk(owner, { sort: "updatedAt", limit })).pages.flat();
    expect(ascending.slice(0, 2)).toEqual(["early", "late"]);
    const descending = (await walk(owner, { sort: "updatedAt", descending: true, limit })).pages.flat();
    expect(descending).toEqual(ascending.toReversed());
    expect(ascending.toSorted()).toEqual(["early", "late", "never", "never-either"]);
  }
});

test("public rows of other projects stand among the project's own", async () => {
  const shared = `p${newId().slice(0, 6)}`;
  const other = await project([
    { name: `${shared}-b`, isPublic: true },
    { name: `${shared}-x`, isPublic: false },
  ]);
  const owner = await project([{ name: `${shared}-a` }, { name: `${shared}-c`, isPublic: true }]);
  const filters = [{ rule: "matches", field: "name", expression: shared }] as const;
  const { pages } = await walk(owner, { sort: "name", limit: 1, filters });
  expect(pages.flat()).toEqual([`${shared}-a`, `${shared}-b`, `${shared}-c`]);
  const theirs = await list(other, { sort: "name", filters });
  expect(theirs.names).toEqual([`${shared}-b`, `${shared}-c`, `${shared}-x`]);
  await pool.query("update job_binary set is_public = false");
});

test("a part of a name finds what an expression of the same letters finds, few or many", async () => {
  const names = Array.from({ length: 2_500 }, (_, n) => `job_${n % 2 === 0 ? "even" : "odd"}_${n}`);
  const owner = await project([...names.map((name) => ({ name })), { name: "50-off" }, { name: "5x" }]);
  for (const part of ["job_", "_12", "even_24", "zzz", "0-of", "5", "%", "_", "job_odd_1"]) {
    const plain = await list(owner, {
      sort: "name",
      filters: [{ rule: "matches", field: "name", expression: part }],
    });
    const expected = [...names, "50-off", "5x"].filter((name) => name.includes(part)).toSorted();
    expect(plain.names, part).toEqual(expected);
    const limited = await list(owner, {
      sort: "name",
      descending: true,
      limit: 3,
      filters: [{ rule: "matches", field: "name", expression: part }],
    });
    expect(limited.names, part).toEqual(expected.toReversed().slice(0, 3));
  }
});

test("pages of a narrowed list lead on and back as those of any list", async () => {
  const owner = await project(
    Array.from({ length: 12 }, (_, n) => ({ name: `${n % 2 ? "abc" : "xyz"}-${n + 10}` })),
  );
  const filters = [{ rule: "matches", field: "name", expression: "abc-" }] as const;
  const { pages, prevs, used } = await walk(owner, { sort: "name", limit: 2, filters });
  expect(pages).toEqual([
    ["abc-11", "abc-13"],
    ["abc-15", "abc-17"],
    ["abc-19", "abc-21"],
  ]);
  expect(prevs).toEqual([null, null, used[1]]);
});

test("a marker outside the filter has no neighbours", async () => {
  const owner = await project(["a1", "b1", "a2", "a3"].map((name) => ({ name })));
  const filters = [{ rule: "matches", field: "name", expression: "^a" }] as const;
  const all = await list(owner, { sort: "name" });
  const marker = all.rows.find(({ name }) => name === "b1")?.id ?? "";
  const page = await list(owner, { sort: "name", descending: true, limit: 1, filters, marker });
  expect(page.names).toEqual(["a3"]);
  expect(page.markers).toEqual({ prev: null, next: null });
});

test("a list without a limit comes in batches, each row once", async () => {
  const count = BATCH_ROWS * 2 + 7;
  const owner = await project(Array.from({ length: count }, (_, n) => ({ name: `n${n}`, created: n % 3 })));
  const { names, sizes, markers } = await list(owner, { sort: "createdAt" });
  expect(sizes).toEqual([BATCH_ROWS, BATCH_ROWS, 7]);
  expect(new Set(names).size).toBe(count);
  expect(markers).toEqual({ prev: null, next: null });
  const limited = await list(owner, { sort: "createdAt", limit: BATCH_ROWS + 1 });
  expect(limited.sizes).toEqual([BATCH_ROWS, 1]);
  expect(limited.markers?.next).toBe(limited.rows.at(-1)?.id);
  const whole = await list(owner, { limit: count });
  expect([whole.names.length, whole.markers?.next]).toEqual([count, null]);
});

test("an expression that is wrong is refused", async () => {
  const owner = await project([{ name: "a" }]);
  for (const expression of ["[", "(", "a{2", "*", "((a{1,200}){1,200}){1,200}"])
    await expect(
      list(owner, { filters: [{ rule: "matches", field: "url", expression }] }),
      expression,
    ).rejects.toMatchObject({ code: "request-invalid", kind: "invalid" });
});

test("a search by an expression has a time limit", async () => {
  const owner = await project([{ name: "a" }]);
  const blocker = await pool.connect();
  await blocker.query("begin; lock table job_binary in access exclusive mode"); // nothing can be read meanwhile
  const asked = list(owner, { filters: [{ rule: "matches", field: "name", expression: "^a" }] });
  await expect(asked).rejects.toMatchObject({ code: "request-invalid", kind: "invalid" });
  await blocker.query("rollback");
  blocker.release();
});

function newId(): string {
  return randomUUID().replaceAll("-", "");
}
