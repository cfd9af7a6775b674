/** Keystone's routes that list the services and their endpoints one by one. */
import type { Identity } from "../../identity/identity.ts";
import { firstOf, json, type OpenRoute, type Reply, type RouteRequest } from "../route.ts";
import { authenticated } from "./caller.ts";
import { encodeCatalog } from "./catalog.ts";
import { encodeList } from "./wire.ts";

/** What stands for the caller's project in the URLs of these lists. */
const PROJECT_PLACEHOLDER = "$(project_id)s";

export function serviceRoutes(identity: Identity): OpenRoute[] {
  const region = identity.settings.region;
  return [
    {
      method: "GET",
      path: "/v3/services",
      role: "public",
      handle: authenticated(identity, (request) => listServices(region, request)),
    },
    {
      method: "GET",
      path: "/v3/endpoints",
      role: "public",
      handle: authenticated(identity, (request) => listEndpoints(region, request)),
    },
  ];
}

async function listServices(region: string, request: RouteRequest): Promise<Reply> {
  const services = servicesOf(region, request).filter(
    ({ type, name }) => fits(request, "type", type) && fits(request, "name", name),
  );
  const encode = ({ id, type, name }: { id: string; type: string; name: string }) => ({
    id,
    type,
    name,
    description: "",
    enabled: true,
    links: { self: `${request.base}/v3/services/${id}` },
  });
  return json(200, encodeList(request, "services", services, encode));
}

async function listEndpoints(region: string, request: RouteRequest): Promise<Reply> {
  const endpoints = servicesOf(region, request)
    .flatMap((service) =>
      service.endpoints.map((endpoint) => ({ ...endpoint, service_id: service.id, enabled: true })),
    )
    .filter(
      (endpoint) =>
        fits(request, "service_id", endpoint.service_id) && fits(request, "interface", endpoint.interface),
    )
    .filter((endpoint) => fits(request, "region_id", endpoint.region_id));
  const encode = (endpoint: { id: string }) => ({
    ...endpoint,
    links: { self: `${request.base}/v3/endpoints/${endpoint.id}` },
  });
  return json(200, encodeList(request, "endpoints", endpoints, encode));
}

function servicesOf(region: string, { base }: RouteRequest) {
  return encodeCatalog({ base, region, projectId: PROJECT_PLACEHOLDER });
}

function fits(request: RouteRequest, name: string, value: string): boolean {
  const wanted = firstOf(request.query, name);
  return wanted === undefined || wanted === value;
}
