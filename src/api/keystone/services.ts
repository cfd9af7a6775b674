/** Keystone's routes that list the services and their endpoints one by one. */
import { missing } from "../../domain/fault.ts";
import type { Identity } from "../../identity/identity.ts";
import { firstOf, json, type OpenRoute, type Reply, type RouteRequest } from "../route.ts";
import { authenticated } from "./caller.ts";
import { type CatalogEndpoint, type CatalogService, encodeCatalog } from "./catalog.ts";
import { encodeList } from "./wire.ts";

/** What stands for the caller's project in the URLs of these lists. */
const PROJECT_PLACEHOLDER = "$(project_id)s";

export function serviceRoutes(identity: Identity): OpenRoute[] {
  const region = identity.settings.region;
  const anybody = (handle: (region: string, request: RouteRequest) => Promise<Reply>) =>
    authenticated(identity, (request) => handle(region, request));
  return [
    { method: "GET", path: "/v3/services", role: "public", handle: anybody(listServices) },
    { method: "GET", path: "/v3/services/:service_id", role: "public", handle: anybody(showService) },
    { method: "GET", path: "/v3/endpoints", role: "public", handle: anybody(listEndpoints) },
  ];
}

async function listServices(region: string, request: RouteRequest): Promise<Reply> {
  const services = servicesOf(region, request).filter(
    ({ type, name }) => fits(request, "type", type) && fits(request, "name", name),
  );
  return json(
    200,
    encodeList(request, "services", services, (service) => encodeService(request.base, service)),
  );
}

async function showService(region: string, request: RouteRequest): Promise<Reply> {
  const id = request.params.service_id ?? "";
  const service = servicesOf(region, request).find((candidate) => candidate.id === id);
  if (service === undefined) return missing("service-missing", `Could not find service: ${id}.`);
  return json(200, { service: encodeService(request.base, service) });
}

async function listEndpoints(region: string, request: RouteRequest): Promise<Reply> {
  const endpoints = servicesOf(region, request)
    .flatMap((service) =>
      service.endpoints.map((endpoint) => ({ ...endpoint, service_id: service.id, enabled: true })),
    )
    .filter((endpoint) => fits(request, "service_id", endpoint.service_id))
    .filter((endpoint) => fits(request, "interface", endpoint.interface))
    .filter((endpoint) => fits(request, "region_id", endpoint.region_id));
  const encode = (endpoint: CatalogEndpoint) => ({
    ...endpoint,
    links: { self: `${request.base}/v3/endpoints/${endpoint.id}` },
  });
  return json(200, encodeList(request, "endpoints", endpoints, encode));
}

function encodeService(base: string, { id, type, name }: CatalogService): object {
  return { id, type, name, description: "", enabled: true, links: { self: `${base}/v3/services/${id}` } };
}

function servicesOf(region: string, { base }: RouteRequest) {
  return encodeCatalog({ base, region, projectId: PROJECT_PLACEHOLDER });
}

function fits(request: RouteRequest, name: string, value: string): boolean {
  const wanted = firstOf(request.query, name);
  return wanted === undefined || wanted === value;
}
