/** What the vendor's Terraform provider would plan after it has read an object that it made (dataarts-factory 8). */
import type { Recorded } from "./recorded.ts";

type Members = Readonly<Record<string, unknown>>;

/** Members that stay unset in the provider's state when they were not sent, by what they belong to. */
const UNSENT: Readonly<Record<string, readonly string[]>> = {
  scripts: ["directory", "database", "queueName", "description"],
  resources: ["desc", "depend_packages"],
};

/** What is sent under one name, and read under another. */
const READ_AS: Readonly<Record<string, string>> = {
  cronTrigger: "cron_trigger",
  depend_packages: "dependPackages",
};

/** Where an object is read that this request makes or changes, and what was said of it; nothing for any other request. */
export function madeBy({
  method,
  target,
  body,
  response,
}: Recorded): { readonly target: string; readonly sent: Members } | undefined {
  const [, kind] = /\/(jobs|scripts|resources)$/.exec(target) ?? [];
  if (method === "PUT") return { target, sent: JSON.parse(body) };
  if (method !== "POST" || kind === undefined) return undefined;
  const sent: Members = JSON.parse(body);
  const name = kind === "resources" ? response.body?.resourceId : sent.name;
  return { target: `${target}/${encodeURIComponent(String(name))}`, sent };
}

/** The changes that it would plan, one for each member that is not read as it was sent; none for an empty plan. */
export function plannedChanges(target: string, sent: Members, shown: Members): string[] {
  const unsent = UNSENT[target.split("/").at(-2) ?? ""] ?? [];
  return [
    ...unsent
      .filter((name) => !(name in sent) && isSet(shown[READ_AS[name] ?? name]))
      .map((name) => `${name}: was not sent`),
    ...changesOf(sent, shown, ""),
  ];
}

function changesOf(sent: unknown, shown: unknown, place: string): string[] {
  if (Array.isArray(sent)) {
    if (!Array.isArray(shown) || shown.length !== sent.length)
      return [`${place}: is not the list that was sent`];
    return sent.flatMap((one, index) => changesOf(one, shown[index], `${place}.${index}`));
  }
  if (!isObject(sent))
    return sent === shown ? [] : [`${place}: ${JSON.stringify(shown)} is not what was sent`];
  if (!isObject(shown)) return [`${place}: is missing`];
  return Object.entries(sent).flatMap(([name, member]) => {
    const inner = place === "" ? name : `${place}.${name}`;
    if (name === "location" && isObject(member)) return locationChanges(member, shown.location, inner);
    return changesOf(member, shown[READ_AS[name] ?? name], inner);
  });
}

/** A zero is not sent; read as an empty place it would be set again and again. */
function locationChanges(sent: Members, shown: unknown, place: string): string[] {
  if (!isObject(shown) || Object.keys(shown).length === 0) return [`${place}: is missing`];
  return ["x", "y"]
    .filter((axis) => Number(sent[axis] ?? 0) !== Number(shown[axis] ?? 0))
    .map((axis) => `${place}.${axis}: ${JSON.stringify(shown[axis])} is not what was sent`);
}

/** Empty texts, lists and zeros count as not set. */
function isSet(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : ![undefined, null, "", 0, false].includes(value as never);
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
