/** The console's API about master keys: how much lies under each, and bringing all of it under the newest. */
import type { MasterKeyUse, RotatedSecrets, SecretRotation } from "../../engine/secret-rotation.ts";
import { insertAct } from "../../store/audit.ts";
import type { Database } from "../../store/database.ts";
import { json, type Route } from "../route.ts";

/** Keys go by their ids, never by themselves. */
export interface KeyList {
  readonly keys: readonly MasterKeyUse[];
}

export interface SecretDeps {
  readonly pool: Database;
  readonly now: () => Date;
  readonly secrets: Pick<SecretRotation, "keys" | "rotate">;
}

/** Keys are of the whole installation, so only an administrator sees them. */
export function secretRoutes({ pool, now, secrets }: SecretDeps): Route[] {
  return [
    {
      method: "GET",
      path: "/api/secrets/keys",
      role: "admin",
      handle: async () => json(200, { keys: await secrets.keys() } satisfies KeyList),
    },
    {
      method: "POST",
      path: "/api/secrets/rotate",
      role: "admin",
      body: "none",
      handle: async ({ caller: { projectId, userName: by } }) => {
        const object = { kind: "secrets", id: "installation" };
        await insertAct(pool, { projectId, at: now(), by, act: "rotate", object });
        return json(200, (await secrets.rotate()) satisfies RotatedSecrets);
      },
    },
  ];
}
