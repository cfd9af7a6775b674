/** The requests that real clients sent, recorded, put to the face one after the other. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld } from "../../../test/setup/factory.ts";
import { type Differing, prepareRecorded, readRecorded, replay } from "../../../test/setup/recorded.ts";
import { createFactoryFace } from "./routes.ts";

/** Sends the bodies of a file with the world's own tokens; signatures are not this test's matter. */
async function replayBodies(world: FactoryWorld, file: string, differing?: Differing): Promise<number> {
  const { routes } = createFactoryFace(world.deps);
  // The Go client's first run was refused, because the stand-in did not know its signature yet.
  const requests = (await readRecorded(file, routes)).filter(
    ({ response }) => !(file.startsWith("otc") && response.status === 401),
  );
  const instances = new Map<string, string>();
  return await replay(
    requests,
    async ({ method, target, headers, body, response }) => {
      const { "Content-Type": type = "", workspace = "", Workspace = "" } = headers;
      const ours = target.replace(/(?<=\/instances\/)\d+/, (id) => instances.get(id) ?? id);
      const answer = await world.call(method, ours, {
        ...(method !== "GET" && { text: body }),
        headers: { ...(type !== "" && { "content-type": type }), workspace: workspace + Workspace },
      });
      if (response.body?.instanceId !== undefined)
        instances.set(String(response.body.instanceId), String(answer.json.instanceId));
      return answer;
    },
    differing,
  );
}

test("the vendor's Python SDK for data development is understood", async () => {
  const world = await factoryWorld();
  // The wrong signature counts as a token here.
  expect(await replayBodies(world, "dgc_calls.json", { "list_jobs(bad signature)": [200] })).toBe(24);
});

test("the vendor's older Python SDK is understood", async () => {
  const world = await factoryWorld();
  expect(await replayBodies(world, "dlf_calls.json", { create_script: [204] })).toBe(17);
});

test("the second vendor's Go client is understood", async () => {
  const world = await factoryWorld();
  expect(await replayBodies(world, "otc_go_calls.json")).toBe(30);
});

test("the Terraform provider is understood", async () => {
  const world = await factoryWorld();
  await prepareRecorded(world, "terraform");
  const differing = {
    "data source jobs: unknown workspace": [200],
    "auth: wrong secret": [200],
  } as const;
  expect(await replayBodies(world, "terraform_calls.json", differing)).toBe(82);
});

test("the Airflow provider is understood", async () => {
  const world = await factoryWorld();
  await prepareRecorded(world, "airflow");
  expect(await replayBodies(world, "airflow_calls.json")).toBe(13);
});
