/** Contracts of the face's routes: which routes have one, and that they speak of what the vendor's SDKs call. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { factoryWorld } from "../../../test/setup/factory.ts";
import type { Contract } from "../contract.ts";
import type { GuardedRoute, Route } from "../route.ts";
import type { FactoryDeps } from "./deps.ts";
import { createFactoryFace } from "./routes.ts";

/** Routes whose handlers still read their queries by hand, and whose answers are not held to anything. */
const WITHOUT_CONTRACT: readonly string[] = [];

interface SdkOperation {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly query: readonly string[];
  readonly body: boolean;
}

const SDK_FIELDS = join(import.meta.dirname, "../../../test/fixtures/golden/dataarts/sdk_fields.json");

/** Of the vendor's three SDKs for Python. */
async function readSdkOperations(): Promise<SdkOperation[]> {
  const { dgc, dlf, dataartsstudio_v2 } = JSON.parse(await readFile(SDK_FIELDS, "utf8"));
  return [dgc, dlf, dataartsstudio_v2].flatMap(({ operations }) => operations);
}

function setup() {
  // No route is called, so that nothing else is asked of what the face is made of.
  const { routes } = createFactoryFace({ pageMax: 100 } as FactoryDeps);
  return { routes, described: routes.filter(hasContract) };
}

function hasContract(route: Route): route is GuardedRoute & { readonly contract: Contract } {
  return route.role !== "public" && route.contract !== undefined;
}

/** The path without the names of its parameters, on which the SDKs do not agree. */
function shapeOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path.replaceAll(/:\w+|\{\w+\}/g, "*")}`;
}

test("every route has a contract, but for those that are known to have none", () => {
  const { routes } = setup();
  const silent = routes.filter((route) => !hasContract(route));
  expect(silent.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(
    WITHOUT_CONTRACT.toSorted(),
  );
});

test("no two routes have one operation", () => {
  const operations = setup().described.map(({ contract }) => contract.operation);
  expect(operations).toEqual([...new Set(operations)]);
});

test("an operation has the SDKs' name, and takes whatever they send", async () => {
  const { described } = setup();
  const known = await readSdkOperations();
  expect(known).toHaveLength(102);
  for (const route of described) {
    const { operation, query, body } = route.contract;
    const calls = known.filter((call) => shapeOf(call) === shapeOf(route));
    for (const call of calls) {
      expect(operation, shapeOf(route)).toBe(call.operation);
      expect(Object.keys(query?.properties ?? {}), operation).toEqual(
        expect.arrayContaining([...call.query]),
      );
      // What comes with a DELETE is let through unread.
      if (call.body && call.method !== "DELETE") expect(body, operation).toBeDefined();
    }
  }
});

test("every number of a query has its bounds", () => {
  for (const { contract } of setup().described)
    for (const [name, member] of Object.entries(contract.query?.properties ?? {}))
      if ("type" in member && member.type === "integer")
        expect(member, `${contract.operation} ${name}`).toMatchObject({
          minimum: expect.any(Number),
          maximum: expect.any(Number),
        });
});

test("the page is served to anybody, and has each operation", async () => {
  const { app } = await factoryWorld();
  const answer = await app.inject("/openapi/factory.json");
  expect(answer.statusCode).toBe(200);
  expect(answer.headers["content-type"]).toMatch(/^application\/json/);
  const { openapi, paths } = answer.json();
  expect(openapi).toBe("3.1.0");
  for (const { method, path, contract } of setup().described)
    expect(paths[path.replaceAll(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()]).toMatchObject({
      operationId: contract.operation,
      summary: contract.summary,
    });
});
