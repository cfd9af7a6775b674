/** Discovery documents, without any credential. */
import { expect, test } from "vitest";
import { keystoneWorld } from "../../../test/setup/keystone.ts";

const identityVersion = (base: string) => ({
  id: "v3.14",
  status: "stable",
  updated: "2020-04-07T00:00:00Z",
  links: [{ rel: "self", href: `${base}/v3/` }],
  "media-types": [{ base: "application/json", type: "application/vnd.openstack.identity-v3+json" }],
});
const dataProcessing = (base: string) => [
  {
    id: "v2",
    status: "CURRENT",
    links: [{ rel: "self", href: `${base}/v2/` }],
    min_version: "2.0",
    max_version: "2.0",
  },
  { id: "v1.1", status: "SUPPORTED", links: [{ rel: "self", href: `${base}/v1.1/` }] },
];

test("the root lists every version of the origin under the host that was asked", async () => {
  const { send } = await keystoneWorld();
  const answer = await send("GET", "/", { headers: { host: "jobs.example:81", accept: "application/json" } });
  expect(answer.statusCode).toBe(300);
  const base = "http://jobs.example:81";
  expect(answer.json()).toEqual({ versions: { values: [identityVersion(base), ...dataProcessing(base)] } });
});

test("identity and data processing describe themselves, with and without a final slash", async () => {
  const { send } = await keystoneWorld();
  const base = "http://localhost:80";
  for (const path of ["/v3", "/v3/", "/identity/v3", "/identity/v3/"]) {
    const answer = await send("GET", path);
    expect([answer.statusCode, answer.json()]).toEqual([200, { version: identityVersion(base) }]);
  }
  for (const path of ["/v1.1", "/v1.1/", "/v2", "/v2/"]) {
    const answer = await send("GET", path);
    expect([answer.statusCode, answer.json()]).toEqual([300, { versions: dataProcessing(base) }]);
  }
});
