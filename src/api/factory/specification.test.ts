/** The requests that the specification lists (dataarts-factory 4, 5): each is served, or it is said why not. */
import { expect, test } from "vitest";
import { drawOpenApiPage } from "../../../tools/openapi.ts";

/** Base and what follows it; `{}` for what a request names. */
const LISTED: Readonly<Record<string, readonly string[]>> = {
  "/v1/{}": [
    "POST jobs, GET jobs, GET jobs/{}, PUT jobs/{}, DELETE jobs/{}",
    "POST jobs/{}/start, POST jobs/{}/stop, POST jobs/{}/run-immediate, GET jobs/{}/status",
    "GET jobs/instances/detail, GET jobs/{}/instances/{}",
    "POST jobs/{}/instances/{}/stop, POST jobs/{}/instances/{}/restart",
    "POST jobs/{}/export, POST jobs/batch-export, POST jobs/check-file, POST jobs/import",
    "GET system-tasks/{}, GET systemTasks/{}",
    "POST scripts, GET scripts, GET scripts/{}, PUT scripts/{}, DELETE scripts/{}",
    "POST scripts/{}/execute, GET scripts/{}/instances/{}, POST scripts/{}/instances/{}/stop",
    "POST resources, GET resources, GET resources/{}, PUT resources/{}, DELETE resources/{}",
    "POST connections, GET connections, GET connections/{}, PUT connections/{}, DELETE connections/{}",
    "POST connections/export, POST connections/import",
  ],
  "/v1.0/{}": ["GET directory/tree"],
  "/v2/{}/factory": [
    "POST jobs, GET jobs, PUT jobs/{}/rename, POST jobs/{}/tags, GET jobs/{}/depend",
    "GET jobs/{}/instances/detail, GET jobs/{}/instances/{}, POST jobs/{}/instances/retry",
    "GET instances/{}/depend-instances, GET real-time-jobs/{}, GET scripts",
    "POST supplement-data, GET supplement-data, POST supplement-data/{}/stop, PUT env, GET env",
    "GET alarm-info, GET alarm/rules",
    "GET monitor/task-statistics-overview, GET monitor/task-completion-data",
    "GET search, GET task-table-references",
    "POST release-packages, GET release-packages/{}",
    "POST release-packages/deploy, POST release-packages/unpack",
    "GET pending-items, POST pending-items/package, GET workspaces/approval",
    "GET aiops/{}/baseline, POST aiops/{}/baseline, GET aiops/{}/baselineinstance, GET aiops/{}/event",
  ],
};

/** Baselines are no part of this product. */
const NOT_SERVED = /\/aiops\//;

test("every request that the specification lists is served as its contract says, but for baselines", () => {
  const page = drawOpenApiPage() as { paths: Readonly<Record<string, object>> };
  const served = new Set(
    Object.entries(page.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replaceAll(/{\w+}/g, "{}")}`),
    ),
  );
  const listed = Object.entries(LISTED).flatMap(([base, lines]) =>
    lines.flatMap((line) => line.split(", ")).map((one) => one.replace(" ", ` ${base}/`)),
  );
  expect(listed).toHaveLength(73);
  expect(listed.filter((one) => !served.has(one))).toEqual(listed.filter((one) => NOT_SERVED.test(one)));
});
