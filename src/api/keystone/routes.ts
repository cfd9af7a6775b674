/** The Keystone face: identity v3, its discovery, and the vendor's calls for access keys. */
import { Fault } from "../../domain/fault.ts";
import type { Identity } from "../../identity/identity.ts";
import type { Face } from "../route.ts";
import { accessKeyRoutes } from "./access-keys.ts";
import { encodeKeystoneFault } from "./fault-wire.ts";
import { projectRoutes } from "./projects.ts";
import { roleRoutes } from "./roles.ts";
import { serviceRoutes } from "./services.ts";
import { tokenRoutes } from "./tokens.ts";
import { userRoutes } from "./users.ts";
import { versionRoutes } from "./versions.ts";

/** Where identity is mounted a second time, for clients that know only that place (auth 1.1). */
const SECOND_MOUNT = "/identity/v3";

/** Every route is `public` to the server, because a sender may be known without any project: each judges by itself. */
export function createKeystoneFace(identity: Identity): Face {
  return {
    name: "keystone",
    routes: [
      ...versionRoutes(),
      ...tokenRoutes(identity),
      ...projectRoutes(identity),
      ...userRoutes(identity),
      ...roleRoutes(identity),
      ...serviceRoutes(identity),
      ...accessKeyRoutes(identity),
    ],
    owns: (path) => path === "/" || /^\/(v3|v3\.0|identity)(\/|$)/.test(path),
    projectOf: () => undefined,
    encodeFault: encodeKeystoneFault,
    rewritePath: (path) =>
      path === SECOND_MOUNT || path.startsWith(`${SECOND_MOUNT}/`) ? path.slice("/identity".length) : path,
    checkContentType(contentType) {
      if (/^application\/(.+\+)?json\b/i.test(contentType)) return;
      throw new Fault("unsupported", "content-type-unsupported", `${contentType} is not JSON`);
    },
  };
}
