/** What an import brings that is secret: sealed as long as its task waits, since its request is kept as it came. */
import type { ConnectionChange, PackageChanges, PackageImport, StoredImport } from "../domain/package.ts";
import { secretPlace } from "../store/sealed-columns.ts";
import { decryptSecret, encryptSecret, type MasterKeys } from "../store/secrets.ts";
import type { ClaimedTask } from "../store/system-tasks.ts";

/** The request in two parts, for the task of that id. */
export function sealImport(
  masterKeys: MasterKeys,
  taskId: string,
  { changes, ...request }: PackageImport,
): { readonly request: Omit<StoredImport, "hiddenWorkspaces">; readonly secretsSealed: Buffer | null } {
  const { connections, ...plain } = changes;
  const sealed =
    connections.length === 0
      ? null
      : encryptSecret(masterKeys, secretPlace("system_task", taskId), JSON.stringify(connections));
  return { request: { ...request, changes: plain }, secretsSealed: sealed };
}

/** The changes that were asked for, secrets in clear. */
export function openChanges(
  masterKeys: MasterKeys,
  { id, request, secretsSealed }: Pick<ClaimedTask, "id" | "request" | "secretsSealed">,
): PackageChanges {
  return {
    ...request.changes,
    connections: secretsSealed === null ? [] : open(masterKeys, id, secretsSealed),
  };
}

function open(masterKeys: MasterKeys, taskId: string, sealed: Buffer): readonly ConnectionChange[] {
  return JSON.parse(decryptSecret(masterKeys, secretPlace("system_task", taskId), sealed).toString());
}
