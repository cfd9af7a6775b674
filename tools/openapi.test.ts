/** The OpenAPI page that is shipped, and the page for people that is made of it. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { drawFactoryRequests } from "./factory-requests.ts";
import { drawOpenApiPage, OPENAPI_FILE, REQUESTS_FILE } from "./openapi.ts";

test("the shipped page describes the routes as they are", () => {
  const shipped = JSON.parse(readFileSync(OPENAPI_FILE, "utf8"));
  expect(shipped, "node tools/openapi.ts writes it anew").toEqual(
    JSON.parse(JSON.stringify(drawOpenApiPage())),
  );
});

test("the page for people has every request with all that it takes and answers", () => {
  const page = readFileSync(REQUESTS_FILE, "utf8");
  const drawn = drawFactoryRequests(JSON.parse(JSON.stringify(drawOpenApiPage())));
  expect(page === drawn, "node tools/openapi.ts draws it anew").toBe(true);
  expect(page).toContain("`GET /v1/{project_id}/jobs`: ");
  expect(page).toContain("\n  limit  1 to 100, 10 if absent\n");
  expect(page).toContain("\n    retryTimes  0 to 5\n");
});
