/** The operations and members of the vendor's three SDKs for Python, and which members go out or come back in which. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export const SDKS = ["dgc", "dlf", "dataartsstudio"] as const;
export type Sdk = (typeof SDKS)[number];

export interface SdkOperation {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly response: string;
}

export type Direction = "sent" | "came";

export interface SdkMember {
  readonly model: string;
  readonly name: string;
  readonly type: string;
  /** The operations that send the member, and those that get it back. */
  readonly places: Readonly<Record<Direction, readonly SdkOperation[]>>;
}

interface SdkFields {
  readonly operations: readonly SdkOperation[];
  readonly members: readonly SdkMember[];
}

type Models = Readonly<Record<string, Readonly<Record<string, { readonly type: string }>>>>;

const FILE = join(import.meta.dirname, "../fixtures/golden/dataarts/sdk_fields.json");

export async function readSdkFields(): Promise<Readonly<Record<Sdk, SdkFields>>> {
  const { dgc, dlf, dataartsstudio_v2: dataartsstudio } = JSON.parse(await readFile(FILE, "utf8"));
  return { dgc: fieldsOf(dgc), dlf: fieldsOf(dlf), dataartsstudio: fieldsOf(dataartsstudio) };
}

function fieldsOf({ operations, models }: { operations: SdkOperation[]; models: Models }): SdkFields {
  const sent = placesOf(operations, models, requestOf);
  const came = placesOf(operations, models, ({ response }) => response);
  const members = Object.entries(models).flatMap(([model, fields]) =>
    Object.entries(fields).map(([name, { type }]) => ({
      model,
      name,
      type,
      places: { sent: sent.get(model) ?? [], came: came.get(model) ?? [] },
    })),
  );
  return { operations, members };
}

/** `list_jobs` sends a ListJobsRequest. */
function requestOf({ operation }: SdkOperation): string {
  const words = operation.split("_").map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join("")}Request`;
}

/** For each model the operations in whose request, or answer, it occurs. */
function placesOf(
  operations: readonly SdkOperation[],
  models: Models,
  rootOf: (operation: SdkOperation) => string,
): Map<string, SdkOperation[]> {
  const places = new Map<string, SdkOperation[]>();
  for (const operation of operations)
    for (const model of reachedFrom(rootOf(operation), models))
      places.set(model, [...(places.get(model) ?? []), operation]);
  return places;
}

function reachedFrom(root: string, models: Models): Set<string> {
  const reached = new Set([root]);
  // A set gives what is added while it is walked, too.
  for (const model of reached)
    for (const { type } of Object.values(models[model] ?? {}))
      for (const word of type.match(/\w+/g) ?? []) if (Object.hasOwn(models, word)) reached.add(word);
  return reached;
}
