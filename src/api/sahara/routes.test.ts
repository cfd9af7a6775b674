import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SaharaWorld, saharaWorld, tokenOf } from "../../../test/setup/sahara-world.ts";
import { createSaharaFace } from "./routes.ts";

let world: SaharaWorld;

beforeAll(async () => {
  world = await saharaWorld("none");
});
afterAll(() => world.close());

/** What both versions have. */
const SHARED = [
  ["GET", "/job-binaries", "reader"],
  ["POST", "/job-binaries", "member"],
  ["GET", "/job-binaries/:id", "reader"],
  ["GET", "/job-binaries/:id/data", "reader"],
  ["DELETE", "/job-binaries/:id", "member"],
  ["GET", "/data-sources", "reader"],
  ["POST", "/data-sources", "member"],
  ["GET", "/data-sources/:id", "reader"],
  ["DELETE", "/data-sources/:id", "member"],
  ["GET", "/job-types", "reader"],
  ["GET", "/plugins", "reader"],
  ["GET", "/plugins/:name", "reader"],
  ["GET", "/plugins/:name/:version", "reader"],
  ["PATCH", "/plugins/:name", "admin"],
  ["GET", "/clusters", "reader"],
  ["POST", "/clusters", "manager"],
  ["PUT", "/clusters/:id", "manager"],
  ["PATCH", "/clusters/:id", "manager"],
  ["GET", "/clusters/:id", "reader"],
  ["DELETE", "/clusters/:id", "manager"],
  ["GET", "/cluster-templates", "reader"],
  ["POST", "/cluster-templates", "manager"],
  ["GET", "/cluster-templates/:id", "reader"],
  ["DELETE", "/cluster-templates/:id", "manager"],
  ["GET", "/node-group-templates", "reader"],
  ["POST", "/node-group-templates", "manager"],
  ["GET", "/node-group-templates/:id", "reader"],
  ["DELETE", "/node-group-templates/:id", "manager"],
  ["GET", "/cluster-templates/:id/export", "reader"],
  ["GET", "/node-group-templates/:id/export", "reader"],
  ["GET", "/images", "reader"],
  ["GET", "/images/:id", "reader"],
  ["POST", "/images/:id", "manager"],
  ["DELETE", "/images/:id", "manager"],
] as const;
const FIRST = [
  ...SHARED,
  ["GET", "/jobs", "reader"],
  ["POST", "/jobs", "member"],
  ["GET", "/jobs/:id", "reader"],
  ["PATCH", "/jobs/:id", "member"],
  ["DELETE", "/jobs/:id", "member"],
  ["POST", "/jobs/:id/execute", "member"],
  ["GET", "/jobs/config-hints/:type", "reader"],
  ["GET", "/job-executions", "reader"],
  ["GET", "/job-executions/:id", "reader"],
  ["GET", "/job-executions/:id/refresh-status", "reader"],
  ["GET", "/job-executions/:id/cancel", "member"],
  ["PATCH", "/job-executions/:id", "member"],
  ["DELETE", "/job-executions/:id", "member"],
  ["PUT", "/job-binaries/:id", "member"],
  ["PUT", "/data-sources/:id", "member"],
  ["PUT", "/cluster-templates/:id", "manager"],
  ["PUT", "/node-group-templates/:id", "manager"],
  ["POST", "/images/:id/tag", "manager"],
  ["POST", "/images/:id/untag", "manager"],
  ["GET", "/job-binary-internals", "reader"],
  ["PUT", "/job-binary-internals/:id", "member"],
  ["GET", "/job-binary-internals/:id", "reader"],
  ["GET", "/job-binary-internals/:id/data", "reader"],
  ["PATCH", "/job-binary-internals/:id", "member"],
  ["DELETE", "/job-binary-internals/:id", "member"],
] as const;
const SECOND = [
  ...SHARED,
  ["GET", "/job-templates", "reader"],
  ["POST", "/job-templates", "member"],
  ["GET", "/job-templates/:id", "reader"],
  ["PATCH", "/job-templates/:id", "member"],
  ["DELETE", "/job-templates/:id", "member"],
  ["GET", "/job-templates/config-hints/:type", "reader"],
  ["GET", "/jobs", "reader"],
  ["POST", "/jobs", "member"],
  ["GET", "/jobs/:id", "reader"],
  ["PATCH", "/jobs/:id", "member"],
  ["DELETE", "/jobs/:id", "member"],
  ["PATCH", "/job-binaries/:id", "member"],
  ["PATCH", "/data-sources/:id", "member"],
  ["PATCH", "/cluster-templates/:id", "manager"],
  ["PATCH", "/node-group-templates/:id", "manager"],
  ["GET", "/images/:id/tags", "reader"],
  ["PUT", "/images/:id/tags", "manager"],
  ["DELETE", "/images/:id/tags", "manager"],
] as const;

/** Every route, with the role that it needs. */
const ROUTES = [
  ...FIRST.map(([method, path, role]) => ({ method, version: "v1.1", path, role })),
  ...SECOND.map(([method, path, role]) => ({ method, version: "v2", path, role })),
];

const [V1_1, CLUSTER_JOBS] = ["/v1.1/:project_id", "/v2/:project_id/clusters/:cluster_id/job-executions"];
/** The vendor's own, whose errors have another shape (`vendor.test.ts`). */
const VENDOR_ROUTES = [
  `POST ${V1_1}/jobs/submit-job member`,
  `GET ${V1_1}/job-exes reader`,
  `GET ${V1_1}/job-exes/:id reader`,
  `GET ${V1_1}/cluster_infos reader`,
  `GET ${V1_1}/cluster_infos/:id reader`,
  `PUT ${V1_1}/cluster_infos/:id manager`,
  `GET ${V1_1}/clusters/:id/hosts reader`,
  `POST ${V1_1}/run-job-flow manager`,
  `POST ${CLUSTER_JOBS} member`,
  `GET ${CLUSTER_JOBS} reader`,
  `GET ${CLUSTER_JOBS}/:id reader`,
  `POST ${CLUSTER_JOBS}/:id/kill member`,
  `POST ${CLUSTER_JOBS}/batch-delete member`,
  `GET ${CLUSTER_JOBS}/:id/sql-result reader`,
];

const BELOW = { member: "reader", manager: "member", admin: "manager" } as const;

test("the table of routes is whole", () => {
  const served = createSaharaFace(world.deps)
    .routes.filter(({ method }) => method !== "OPTIONS")
    .map(({ method, path, role }) => `${method} ${path} ${role}`);
  const named = ROUTES.map(
    ({ method, version, path, role }) => `${method} /${version}/:project_id${path} ${role}`,
  );
  expect(served.toSorted()).toEqual([...named, ...VENDOR_ROUTES].toSorted());
});

type Called = Pick<(typeof ROUTES)[number], "method" | "version" | "path">;

function call({ method, version, path }: Called, project: string, token?: string) {
  const url = `/${version}/${project}${path.replace(/:\w+/g, randomUUID())}`;
  return world.app.inject({ method, url, headers: token === undefined ? {} : { "x-auth-token": token } });
}

describe.each(ROUTES)("$method /$version$path", ({ role, ...called }) => {
  test("answers nobody without a token", async () => {
    const answer = await call(called, newProject());
    expect(answer.statusCode).toBe(401);
    expect(answer.json()).toMatchObject({
      error_code: 401,
      error_name: "UNAUTHORIZED",
      vendor_code: "12000001",
      error_message: expect.any(String),
      error_msg: expect.any(String),
    });
  });

  test("answers nobody of another project, however its id is written", async () => {
    const other = newProject();
    for (const project of [other, dashed(other), other.toUpperCase()]) {
      const answer = await call(called, project, tokenOf(newProject()));
      expect(answer.statusCode).toBe(401);
    }
  });

  test("asks for the role and no more", async () => {
    const project = newProject();
    if (role !== "reader") {
      const answer = await call(called, project, tokenOf(project, BELOW[role]));
      expect(answer.statusCode).toBe(403);
      expect(answer.json()).toMatchObject({
        error_code: 403,
        error_name: "FORBIDDEN",
        vendor_code: "12000136",
      });
    }
    const answer = await call(called, project, tokenOf(project, role));
    expect([200, 204, 400, 404]).toContain(answer.statusCode);
  });
});

test("a project id that is no uuid stands for the token's project, with or without dashes the token's own is taken", async () => {
  const project = newProject();
  await world.app.inject({
    method: "POST",
    url: `/v1.1/${project}/data-sources`,
    headers: { "x-auth-token": tokenOf(project) },
    payload: { name: "one", type: "hdfs", url: "/one" },
  });
  for (const named of [project, dashed(project), project.toUpperCase(), "admin", "-"]) {
    const answer = await call(
      { method: "GET", version: "v1.1", path: "/data-sources" },
      named,
      tokenOf(project),
    );
    expect(answer.json().data_sources, named).toHaveLength(1);
  }
});

function newProject(): string {
  return randomUUID().replaceAll("-", "");
}

function dashed(id: string): string {
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
