/** Data sources that the settings of a run name: found in them, and their addresses put in their places. */
import type { DataSource } from "./data-source.ts";
import type { JobConfigs, SimpleValue } from "./job-configs.ts";
import { parseObjectId } from "./shared-object.ts";

/** Switches of a run, off where absent. Source: Sahara's EDP guide, "Data Source Substitution". */
const BY_NAME = "edp.substitute_data_source_for_name";
const BY_ID = "edp.substitute_data_source_for_uuid";
const NAMED = "datasource://";

/** What the settings of a run name; some of it may be no data source. */
export interface DataSourceReferences {
  readonly names: readonly string[];
  readonly ids: readonly string[];
}

/** `always`: ids that are data sources by the template's interface, whatever the run's switches say. */
export function findReferences(configs: JobConfigs, always: readonly string[]): DataSourceReferences {
  const texts = textsOf(configs);
  const names = isOn(configs, BY_NAME) ? texts.flatMap((text) => nameIn(text) ?? []) : [];
  const ids = isOn(configs, BY_ID) ? texts.flatMap((text) => parseObjectId(text) ?? []) : [];
  return { names: [...new Set(names)], ids: [...new Set([...always, ...ids])] };
}

/** The settings with `addressOf` each data source that they name; what names none of `found` stays as it is. */
export function substituteReferences(
  configs: JobConfigs,
  always: readonly string[],
  found: readonly DataSource[],
  addressOf: (source: DataSource) => string,
): JobConfigs {
  const [byName, byId] = [isOn(configs, BY_NAME), isOn(configs, BY_ID)];
  const replace = <Value extends SimpleValue>(value: Value): Value | string => {
    if (typeof value !== "string") return value;
    const name = byName ? nameIn(value) : undefined;
    const id = parseObjectId(value);
    const source = found.find(
      (one) => one.name === name || (one.id === id && (byId || always.includes(one.id))),
    );
    return source === undefined ? value : addressOf(source);
  };
  return {
    ...(configs.configs && { configs: mapValues(configs.configs, replace) }),
    ...(configs.params && { params: mapValues(configs.params, replace) }),
    ...(configs.args && { args: configs.args.map(replace) }),
  };
}

/** Whether a config is one of the switches here: no engine needs to know it. */
export function isSubstitutionSwitch(name: string): boolean {
  return name === BY_NAME || name === BY_ID;
}

function isOn({ configs }: JobConfigs, name: string): boolean {
  return String(configs?.[name] ?? "").toLowerCase() === "true";
}

function nameIn(text: string): string | undefined {
  return text.startsWith(NAMED) && text.length > NAMED.length ? text.slice(NAMED.length) : undefined;
}

function textsOf({ configs, params, args }: JobConfigs): string[] {
  const values = [...Object.values(configs ?? {}), ...Object.values(params ?? {}), ...(args ?? [])];
  return values.filter((value) => typeof value === "string");
}

function mapValues(
  values: Readonly<Record<string, SimpleValue>>,
  change: (value: SimpleValue) => SimpleValue,
): Readonly<Record<string, SimpleValue>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}
