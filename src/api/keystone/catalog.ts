/** The catalogue: under which URLs a token's holder finds the services. Source: auth 1.4. */
import { createHash } from "node:crypto";

export interface CatalogPlace {
  /** Without a final slash. */
  readonly base: string;
  readonly region: string;
  /** Absent for a token without a project: services whose URL needs one are left out. */
  readonly projectId: string | undefined;
}

export interface CatalogEndpoint {
  readonly id: string;
  readonly interface: string;
  readonly region: string;
  readonly region_id: string;
  readonly url: string;
}

export interface CatalogService {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly endpoints: readonly CatalogEndpoint[];
}

const INTERFACES = ["public", "internal", "admin"] as const;

interface Service {
  readonly type: string;
  readonly name: string;
  /** `{project}` stands for the project's id. */
  readonly path: string;
}

const SERVICES: readonly Service[] = [
  { type: "identity", name: "keystone", path: "/v3" },
  // With the project: saharaclient appends only the resource's name.
  { type: "data-processing", name: "sahara", path: "/v1.1/{project}" },
  // Without it: both Go clients append it.
  { type: "mrs", name: "mrs", path: "/v1.1" },
  // Go clients know no DataArts Factory: they take this one and make `v1` of its first `v2`.
  { type: "volumev2", name: "evs", path: "/v2/{project}" },
  { type: "dataarts", name: "dataarts", path: "/v1/{project}" },
  { type: "dlf", name: "dlf", path: "/v1/{project}" },
  { type: "dayu-dlf", name: "dayu-dlf", path: "/v1/{project}" },
  // An older constructor of a Go fork appends `v1.1/` and the project to it.
  { type: "network", name: "vpc", path: "/" },
];

export function encodeCatalog(place: CatalogPlace): CatalogService[] {
  const { base, region, projectId } = place;
  return SERVICES.filter(({ path }) => projectId !== undefined || !path.includes("{project}")).map(
    ({ type, name, path }) => ({
      id: stableId(type),
      type,
      name,
      endpoints: INTERFACES.map((side) => ({
        id: stableId(`${type} ${side}`),
        interface: side,
        region,
        region_id: region,
        url: `${base}${path.replace("{project}", projectId ?? "")}`,
      })),
    }),
  );
}

/** The same on every server and after every start. */
function stableId(text: string): string {
  return createHash("sha256").update(`azalai catalog ${text}`).digest("hex").slice(0, 32);
}
