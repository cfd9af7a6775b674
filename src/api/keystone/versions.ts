/** Discovery: which versions are served where, told to anybody. Source: auth 1.1. */
import type { OpenRoute, Reply, RouteRequest } from "../route.ts";
import { json } from "../route.ts";

export function versionRoutes(): OpenRoute[] {
  return [
    { method: "GET", path: "/", role: "public", handle: showRoot },
    ...["/v3", "/v3/"].map(
      (path): OpenRoute => ({ method: "GET", path, role: "public", handle: showIdentity }),
    ),
    ...["/v1.1", "/v1.1/", "/v2", "/v2/"].map(
      (path): OpenRoute => ({ method: "GET", path, role: "public", handle: showDataProcessing }),
    ),
  ];
}

/** Every version of one origin in one document: keystoneauth, both Go clients and saharaclient find theirs in it. */
async function showRoot(request: RouteRequest): Promise<Reply> {
  const values = [identityVersion(request.base), ...dataProcessingVersions(request.base)];
  return json(300, { versions: { values } });
}

async function showIdentity({ base }: RouteRequest): Promise<Reply> {
  return json(200, { version: identityVersion(base) });
}

async function showDataProcessing({ base }: RouteRequest): Promise<Reply> {
  return json(300, { versions: dataProcessingVersions(base) });
}

function identityVersion(base: string) {
  return {
    id: "v3.14",
    status: "stable",
    updated: "2020-04-07T00:00:00Z",
    links: [{ rel: "self", href: `${base}/v3/` }],
    "media-types": [{ base: "application/json", type: "application/vnd.openstack.identity-v3+json" }],
  };
}

function dataProcessingVersions(base: string) {
  const links = (version: string) => [{ rel: "self", href: `${base}/${version}/` }];
  return [
    { id: "v2", status: "CURRENT", links: links("v2"), min_version: "2.0", max_version: "2.0" },
    { id: "v1.1", status: "SUPPORTED", links: links("v1.1") },
  ];
}
