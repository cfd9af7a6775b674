/** Writes docs/openapi/factory.json and docs/factory-requests.md from the contracts of the routes: `node tools/openapi.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FactoryDeps } from "../src/api/factory/deps.ts";
import { createFactoryFace } from "../src/api/factory/routes.ts";
import { describeFace, type OpenApiPage } from "../src/api/openapi.ts";
import { drawFactoryRequests } from "./factory-requests.ts";

export const OPENAPI_FILE = join(import.meta.dirname, "../docs/openapi/factory.json");
export const REQUESTS_FILE = join(import.meta.dirname, "../docs/factory-requests.md");

/** The page of a server that has all settings by default. */
export function drawOpenApiPage(): OpenApiPage {
  // No route is called, so that nothing else is asked of what the face is made of.
  const { routes, contract } = createFactoryFace({ pageMax: 100 } as FactoryDeps);
  if (contract === undefined) throw new RangeError("the face has no contract");
  return describeFace(routes, contract);
}

if (import.meta.main) {
  const page = `${JSON.stringify(drawOpenApiPage(), null, 2)}\n`;
  writeFileSync(OPENAPI_FILE, page);
  writeFileSync(REQUESTS_FILE, drawFactoryRequests(JSON.parse(page)));
}
