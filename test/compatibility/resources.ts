/** Resources by the SDKs of v1, and the tree of directories that only the older one has. */
import { expect } from "vitest";
import { NOTHING, OK, type Play, type Stage } from "./play.ts";

const RESOURCE = {
  name: "r1",
  type: "jar",
  location: "obs://programs/r1.jar",
  desc: "它",
  directory: "/d/e",
};
const RESOURCE_MISSING = {
  status: 400,
  code: "DLF.6241",
  message: "The resource information does not exist.",
};
/** A client may send back what it was shown of the jobs that use a resource; it is passed over. */
const RELATION = {
  relation_type: "JOB",
  task_name: "j",
  task_id: 7,
  script_name: "s",
  script_id: "8",
  user_name: "me",
  version: 1,
  relation_id: "9",
  deleted: false,
};

/** The SDKs take the whole answer to a create as one text. */
async function create({ call }: Stage, body: object): Promise<string> {
  const made = await call("create_resource", { body });
  expect(made.http_status).toBe(200);
  return JSON.parse(made.body.replaceAll("'", '"')).resourceId;
}

async function keepResources(stage: Stage): Promise<void> {
  const { call, refusal } = stage;
  const body = {
    ...RESOURCE,
    depend_packages: [{ type: "pyFile", location: "obs://programs/dep.py" }],
  };
  const id = await create(stage, { ...body, id: "7", job_relation: [RELATION] });
  const which = { resource_id: id };
  expect(await call("show_resource", which)).toEqual({ ...OK, ...body, id });
  const { desc: _, ...plain } = RESOURCE;
  const files = { ...plain, name: "r2", depend_files: ["obs://programs/a.py", "obs://programs/b.py"] };
  const other = await create(stage, files);
  expect(await call("show_resource", { resource_id: other })).toEqual({ ...OK, ...files, id: other });
  expect(await call("list_resources", { resource_name: "r", limit: 1, offset: 1 })).toEqual({
    ...OK,
    total: 2,
    resources: [{ ...body, id }],
  });
  const changed = { ...body, name: "r3", location: "obs://programs/r3.jar" };
  expect(await call("update_resource", { ...which, body: changed })).toEqual(NOTHING);
  expect(await call("show_resource", which)).toEqual({ ...OK, ...changed, id });
  expect(await refusal("create_resource", { body: files })).toMatchObject({ status: 400, code: "DLF.6259" });
  expect(await call("delete_resource", which)).toEqual(NOTHING);
  expect(await refusal("show_resource", which)).toEqual(RESOURCE_MISSING);
  expect(await call("list_resources")).toMatchObject({ total: 1, resources: [{ name: "r2" }] });
}

async function showUses(stage: Stage): Promise<void> {
  const { call, send, userName } = stage;
  const id = await create(stage, RESOURCE);
  const properties = [{ name: "resourcePath", value: RESOURCE.name }];
  await send("POST", "/jobs", {
    ...{ name: "user", processType: "BATCH", schedule: { type: "EXECUTE_ONCE" } },
    nodes: [{ name: "a", type: "MRSSpark", location: { x: 0, y: 0 }, properties }],
  });
  const relation = {
    ...{ relation_type: "job", relation_id: expect.stringMatching(/^\d+$/), task_id: expect.any(Number) },
    ...{ task_name: "user", user_name: userName, version: 1, deleted: false },
  };
  const used = { ...RESOURCE, id, job_relation: [relation] };
  expect(await call("show_resource", { resource_id: id })).toEqual({ ...OK, ...used });
  expect(await call("list_resources")).toEqual({ ...OK, total: 1, resources: [used] });
}

async function keepOlderResources(stage: Stage): Promise<void> {
  const { call, refusal } = stage;
  const body = { ...RESOURCE, depend_files: ["obs://programs/a.py"] };
  const which = { resource_id: await create(stage, body) };
  expect(await call("show_resource", which)).toEqual({ ...OK, ...body });
  expect(await call("list_resources")).toEqual({ ...OK, total: 1, resources: [body] });
  const changed = { ...body, desc: "changed" };
  expect(await call("update_resource", { ...which, body: changed })).toEqual(NOTHING);
  expect(await call("show_resource", which)).toEqual({ ...OK, ...changed });
  expect(await call("delete_resource", which)).toEqual(NOTHING);
  expect(await refusal("show_resource", which)).toEqual(RESOURCE_MISSING);
}

async function showTree({ call, send }: Stage): Promise<void> {
  const job = {
    nodes: [{ name: "a", type: "Dummy", location: { x: 0, y: 0 }, properties: [] }],
    schedule: { type: "EXECUTE_ONCE" },
    processType: "BATCH",
    singleNodeJobFlag: true,
    basicConfig: { owner: "boss" },
  };
  for (const [name, directory] of [
    ["top", "/"],
    ["one", "/a/b"],
    ["two", "/a/b"],
    ["other", "/a/b"],
  ])
    await send("POST", "/jobs", { ...job, name, directory });
  const root = await call("show_directory_tree", { category: "job" });
  expect(root).toMatchObject({
    ...OK,
    directory_id: "0",
    category_type: "job",
    paging: false,
    offset: 0,
    limit: 10,
    count: 1,
    elements: [
      { name: "top", type: "job", parent_directory_id: "0", owner: "boss", is_single_node_job: true },
    ],
    sub_directories: [{ directory_name: "a", parent_directory_id: "0", count: 0 }],
  });
  expect(root.elements[0]).toMatchObject({
    process_type: "BATCH",
    element_id: expect.stringMatching(/^\d+$/),
  });
  const [below] = root.sub_directories[0].sub_directories;
  expect(below).toMatchObject({ directory_name: "b", count: 3, paging: true });
  const page = { category: "job", directory_id: below.directory_id, name: "o", limit: 1, offset: 1 };
  expect(await call("show_directory_tree", page)).toMatchObject({
    ...OK,
    directory_id: below.directory_id,
    parent_directory_id: root.sub_directories[0].directory_id,
    directory_name: "b",
    paging: true,
    offset: 1,
    limit: 1,
    count: 3,
    elements: [{ name: "other" }],
  });
}

export const resourcePlays: readonly Play[] = [
  { sdk: "dgc", about: "keeps resources", perform: keepResources },
  { sdk: "dgc", about: "shows the jobs that use a resource", perform: showUses },
  { sdk: "dlf", about: "keeps resources", perform: keepOlderResources },
  { sdk: "dlf", about: "shows the tree of directories", perform: showTree },
];
