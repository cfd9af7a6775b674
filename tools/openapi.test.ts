/** The OpenAPI page that is shipped. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { drawOpenApiPage, OPENAPI_FILE } from "./openapi.ts";

test("the shipped page describes the routes as they are", () => {
  const shipped = JSON.parse(readFileSync(OPENAPI_FILE, "utf8"));
  expect(shipped, "node tools/openapi.ts writes it anew").toEqual(
    JSON.parse(JSON.stringify(drawOpenApiPage())),
  );
});
