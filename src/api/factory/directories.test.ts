/** Trees of directories over HTTP. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";

const TREE = `/v1.0/${PROJECT}/directory/tree`;
const SCRIPT = { type: "Shell", content: "true" };
const JAR = { type: "jar", location: "obs://b/a.jar" };
const PAGE = { offset: 0, limit: 10 };

interface Tree {
  readonly directory_name: string;
  readonly directory_id: string;
  readonly count: number;
  readonly elements: readonly { readonly name: string }[];
  readonly sub_directories: readonly Tree[];
}

test("an empty workspace has the root alone", async () => {
  const { ok } = await factoryWorld();
  expect((await ok("GET", `${TREE}?category=job&limit=10&offset=0`, { role: "reader" })).json).toEqual({
    directory_name: "/",
    directory_id: "0",
    category_type: "job",
    elements: [],
    sub_directories: [],
    count: 0,
    offset: 0,
    limit: 10,
    paging: false,
  });
});

test("jobs lie in the directories that they name, and each directory is asked for by its id", async () => {
  const { ok } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("top") });
  await ok("POST", "/jobs", {
    body: jobBody("deep", { directory: "/a/b/", basicConfig: { owner: "ada" }, singleNodeJobFlag: true }),
  });
  await ok("POST", "/jobs", { body: jobBody("live", { directory: "/a/b", processType: "REAL_TIME" }) });
  await ok("POST", "/jobs", { body: jobBody("elsewhere", { directory: "/c" }), workspace: "w2" });
  const root = (await ok("GET", TREE)).json;
  const element_id = expect.stringMatching(/^\d+$/);
  const job = { type: "job", element_id, process_type: "BATCH", is_single_node_job: false };
  expect(root).toEqual({
    ...{ directory_name: "/", directory_id: "0", category_type: "job", paging: false, count: 1, ...PAGE },
    elements: [{ ...job, name: "top", parent_directory_id: "0" }],
    sub_directories: [expect.objectContaining({ directory_name: "a", parent_directory_id: "0", count: 0 })],
  });
  const [a] = root.sub_directories;
  expect(a.directory_id).toMatch(/^[0-9a-f]{32}$/);
  const [b] = a.sub_directories;
  const shown = {
    directory_name: "b",
    directory_id: b.directory_id,
    category_type: "job",
    count: 2,
    ...PAGE,
  };
  const parent_directory_id = a.directory_id;
  expect(b).toEqual({ ...shown, parent_directory_id, paging: true, elements: [], sub_directories: [] });
  const parent = { parent_directory_id: b.directory_id };
  expect((await ok("GET", `${TREE}?directory_id=${b.directory_id}`)).json).toEqual({
    ...{ ...shown, parent_directory_id, paging: false, sub_directories: [] },
    elements: [
      { ...job, ...parent, name: "deep", owner: "ada", is_single_node_job: true },
      { ...job, ...parent, name: "live", process_type: "REAL_TIME" },
    ],
  });
});

test("scripts and resources have trees of their own", async () => {
  const { ok } = await factoryWorld();
  await ok("POST", "/scripts", { role: "member", body: { ...SCRIPT, name: "s", directory: "/x" } });
  await ok("POST", "/scripts", { body: { ...SCRIPT, name: "t", owner: "ada" } });
  const { resourceId } = (await ok("POST", "/resources", { body: { ...JAR, name: "r", directory: "/x" } }))
    .json;
  const tree = async (query: string) => (await ok("GET", `${TREE}?${query}`)).json;
  const scripts = await tree("category=script");
  const element_id = expect.any(String);
  const parent_directory_id = "0";
  expect(scripts.elements).toEqual([
    { type: "script", name: "t", owner: "ada", element_id, parent_directory_id },
  ]);
  const resources = await tree("category=resource");
  expect(resources).toMatchObject({ category_type: "resource", count: 0 });
  const id = (of: Tree) => of.sub_directories[0]?.directory_id ?? "";
  expect(id(scripts)).not.toBe(id(resources));
  expect((await tree(`category=script&directory_id=${id(scripts)}`)).elements).toMatchObject([
    { name: "s", owner: "member-user" },
  ]);
  expect((await tree(`category=resource&directory_id=${id(resources)}`)).elements).toEqual([
    {
      ...{ type: "resource", name: "r", owner: "manager-user" },
      ...{ element_id: resourceId, parent_directory_id: id(resources) },
    },
  ]);
});

test("elements come by name, in pages, chosen by a part of it", async () => {
  const { ok } = await factoryWorld();
  for (const name of ["c", "a1", "b", "a2"]) await ok("POST", "/scripts", { body: { ...SCRIPT, name } });
  await ok("POST", "/scripts", { body: { ...SCRIPT, name: "a3", directory: "/d" } });
  const page = async (query: string) => {
    const { json } = await ok("GET", `${TREE}?category=script&${query}`);
    const { count, paging, elements, sub_directories } = json as Tree & { paging: boolean };
    return [count, paging, elements.map(({ name }) => name).join(" "), sub_directories[0]?.count];
  };
  expect(await page("")).toEqual([4, false, "a1 a2 b c", 1]);
  expect(await page("limit=3")).toEqual([4, true, "a1 a2 b", 1]);
  expect(await page("limit=3&offset=1")).toEqual([4, true, "c", 1]);
  expect(await page("limit=3&offset=2")).toEqual([4, true, "", 1]);
  expect(await page("name=a")).toEqual([2, false, "a1 a2", 1]);
  expect(await page("name=b")).toEqual([1, false, "b", 0]);
});

test("an unknown category, directory or page is refused, and where they do not come by themselves a workspace", async () => {
  const { call } = await factoryWorld({ workspacesOnFirstUse: false });
  for (const query of [
    "category=JOB",
    "directory_id=1",
    `directory_id=${"0".repeat(32)}`,
    "limit=0",
    "limit=101",
    "offset=-1",
  ])
    expect(await call("GET", `${TREE}?${query}`), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
  expect(await call("GET", TREE, { workspace: "w9" })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.0819" },
  });
});
