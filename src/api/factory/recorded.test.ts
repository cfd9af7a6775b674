/** The requests that real clients sent, recorded, put to the face one after the other. */
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, PROJECT } from "../../../test/setup/factory.ts";
import {
  createBodySender,
  type Differing,
  prepareRecorded,
  readRecorded,
  replay,
} from "../../../test/setup/recorded.ts";
import { createFactoryFace } from "./routes.ts";

/** Sends the bodies of a file with the world's own tokens; signatures are not this test's matter. */
async function replayBodies(world: FactoryWorld, file: string, differing?: Differing): Promise<void> {
  const { routes } = createFactoryFace(world.deps);
  // The Go client's first run was refused, because the stand-in did not know its signature yet.
  const requests = (await readRecorded(file, routes)).filter(
    ({ response }) => !(file.startsWith("otc") && response.status === 401),
  );
  await replay(requests, createBodySender(world), differing);
}

test("the vendor's Python SDK for data development is understood", async () => {
  const world = await factoryWorld();
  await prepareRecorded(world, "dgc");
  // The wrong signature counts as a token here.
  await replayBodies(world, "dgc_calls.json", { "list_jobs(bad signature)": [200] });
});

test("the vendor's older Python SDK is understood", async () => {
  const world = await factoryWorld();
  await replayBodies(world, "dlf_calls.json", { create_script: [204], create_resource: [200] });
});

test("the vendor's Python SDK for data development v2 is understood", async () => {
  const world = await factoryWorld();
  await prepareRecorded(world, "dataartsstudio");
  await replayBodies(world, "dataartsstudio_v2_calls.json");
  const { json } = await world.ok("GET", `/v2/${PROJECT}/factory/supplement-data`, { workspace: "w3" });
  expect(json.rows).toMatchObject([{ name: "P_v2j_1", job_list: ["v2j"], status: "CANCEL" }]);
});

test("the second vendor's Go client is understood", async () => {
  const world = await factoryWorld();
  await replayBodies(world, "otc_go_calls.json");
});

test("the Terraform provider is understood", async () => {
  const world = await factoryWorld();
  await prepareRecorded(world, "terraform");
  const differing = {
    "data source jobs: unknown workspace": [200],
    "auth: wrong secret": [200],
  } as const;
  await replayBodies(world, "terraform_calls.json", differing);
});

test("the Airflow provider is understood", async () => {
  const world = await factoryWorld();
  await prepareRecorded(world, "airflow");
  await replayBodies(world, "airflow_calls.json");
});
