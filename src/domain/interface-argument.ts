/** Named arguments of a job template: what makes them legal, and how the values of a run fall into their places. */
import { Fault } from "./fault.ts";
import type { JobConfigs, SimpleValue } from "./job-configs.ts";
import type { JobType } from "./job-type.ts";
import { parseObjectId } from "./shared-object.ts";

export const MAPPING_TYPES = ["args", "configs", "params"] as const;
export type MappingType = (typeof MAPPING_TYPES)[number];
export const VALUE_TYPES = ["string", "number", "data_source"] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

export interface InterfaceArgument {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly mappingType: MappingType;
  /** The key of a config or param, or the position of an argument as digits. */
  readonly location: string;
  readonly valueType: ValueType;
  readonly required: boolean;
  readonly default: string | null;
}

/** Where each type takes values. Source: sahara-v1.1 5; the vendor's types as their nearest kin. */
const MAPPINGS: Readonly<Record<JobType, readonly MappingType[]>> = {
  Hive: ["configs", "params"],
  Java: ["configs", "args"],
  MapReduce: ["configs"],
  "MapReduce.Streaming": ["configs"],
  Pig: ["configs", "params", "args"],
  Shell: ["configs", "params", "args"],
  Spark: ["configs", "args"],
  Storm: ["args"],
  "Storm.Pyleus": [],
  DistCp: ["configs", "args"],
  Flink: ["configs", "args"],
  SparkScript: ["configs", "params", "args"],
  SparkSql: ["configs", "params"],
  hql: ["configs", "params"],
};

/** Where templates of `type` take configs, params and args, for hints. */
export function mappingTypesOf(type: JobType): readonly MappingType[] {
  return MAPPINGS[type];
}

/**
 * Raises `job-template-invalid` with everything that is wrong with the arguments of a template of `type`; gives the
 * ids of the data sources that their defaults name, which have to exist.
 */
export function checkInterface(type: JobType, interfaceArguments: readonly InterfaceArgument[]): string[] {
  const problems = [
    ...repeated(interfaceArguments.map(({ name }) => name)).map((name) => `the name "${name}" is used twice`),
    ...repeated(interfaceArguments.map((one) => `${one.mappingType} ${one.location}`)).map(
      (place) => `two arguments have the place ${place}`,
    ),
    ...interfaceArguments.flatMap((argument) => checkArgument(type, argument)),
    ...checkPositions(interfaceArguments.filter(({ mappingType }) => mappingType === "args")),
  ];
  if (problems.length > 0) throw invalidInterface("job-template-invalid", problems);
  return interfaceArguments.flatMap((argument) => referencesOf(argument.valueType, argument.default));
}

/**
 * The configs of a run with the interface's values, or their defaults, in their places, and the ids of data sources
 * that the values name. Raises `job-execution-invalid`. Source: sahara-v1.1 6.
 */
export function fillInterface(
  interfaceArguments: readonly InterfaceArgument[],
  values: Readonly<Record<string, SimpleValue>> | undefined,
  configs: JobConfigs,
): { configs: JobConfigs; dataSourceIds: string[] } {
  if (interfaceArguments.length === 0 && Object.keys(values ?? {}).length === 0)
    return { configs, dataSourceIds: [] };
  if (values === undefined)
    throw invalidInterface("job-execution-invalid", [
      "the template has an interface: send an interface map, even an empty one",
    ]);
  const given = new Map(Object.entries(values));
  const problems = checkValues(interfaceArguments, given, configs);
  if (problems.length > 0) throw invalidInterface("job-execution-invalid", problems);
  return {
    configs: mergeValues(interfaceArguments, given, configs),
    dataSourceIds: interfaceArguments.flatMap((one) =>
      referencesOf(one.valueType, given.get(one.name) ?? null),
    ),
  };
}

function checkArgument(type: JobType, argument: InterfaceArgument): string[] {
  const problems: string[] = [];
  if (!MAPPINGS[type].includes(argument.mappingType))
    problems.push(`${argument.name}: ${type} takes no ${argument.mappingType}`);
  if (argument.default !== null) problems.push(...checkValue(argument, argument.default));
  if (argument.mappingType === "args" && !argument.required && !argument.default)
    problems.push(`${argument.name}: a positional argument that is not required needs a default`);
  return problems;
}

/** Positions are 0, 1, 2 … without a gap, in any order. */
function checkPositions(positional: readonly InterfaceArgument[]): string[] {
  const wrong = positional.filter(({ location }) => !/^\d+$/.test(location));
  if (wrong.length > 0) return wrong.map(({ name }) => `${name}: the location of args is a number from 0`);
  const places = new Set(positional.map(({ location }) => Number(location)));
  return positional.every((_, place) => places.has(place))
    ? []
    : ["the locations of args must be 0, 1, 2 and so on"];
}

function checkValues(
  interfaceArguments: readonly InterfaceArgument[],
  given: ReadonlyMap<string, SimpleValue>,
  configs: JobConfigs,
): string[] {
  const known = new Map(interfaceArguments.map((argument) => [argument.name, argument]));
  const problems: string[] = [];
  for (const argument of interfaceArguments)
    if (argument.required && !given.has(argument.name)) problems.push(`${argument.name} is required`);
  for (const [name, value] of given) {
    const argument = known.get(name);
    if (argument === undefined) problems.push(`${name} is not in the template's interface`);
    else problems.push(...checkValue(argument, value), ...checkSame(argument, value, configs));
  }
  return problems;
}

function checkSame(argument: InterfaceArgument, value: SimpleValue, configs: JobConfigs): string[] {
  if (argument.mappingType === "args") return [];
  const sent = new Map(Object.entries(configs[argument.mappingType] ?? {})).get(argument.location);
  return sent === undefined || sent === value
    ? []
    : [`${argument.name} differs from ${argument.mappingType}.${argument.location} in job_configs`];
}

function checkValue(argument: Pick<InterfaceArgument, "name" | "valueType">, value: SimpleValue): string[] {
  const text = String(value);
  switch (argument.valueType) {
    case "string":
      return [];
    case "number":
      return /^\d+$/.test(text) ? [] : [`${argument.name}: "${text}" is not a number`];
    case "data_source":
      return parseObjectId(text) !== undefined || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)
        ? []
        : [`${argument.name}: "${text}" is neither the id of a data source nor a URL`];
    default:
      return argument.valueType satisfies never;
  }
}

function referencesOf(valueType: ValueType, value: SimpleValue | null): string[] {
  const id = valueType === "data_source" && value !== null ? parseObjectId(String(value)) : undefined;
  return id === undefined ? [] : [id];
}

function mergeValues(
  interfaceArguments: readonly InterfaceArgument[],
  given: ReadonlyMap<string, SimpleValue>,
  sent: JobConfigs,
): JobConfigs {
  const configs = placedValues(interfaceArguments, "configs", given, sent);
  const params = placedValues(interfaceArguments, "params", given, sent);
  const positional = interfaceArguments
    .filter(({ mappingType }) => mappingType === "args")
    .toSorted((a, b) => Number(a.location) - Number(b.location))
    .flatMap(({ name, default: fallback }) => given.get(name) ?? fallback ?? [])
    .map(String);
  return {
    ...sent,
    ...(configs.length > 0 && { configs: { ...sent.configs, ...Object.fromEntries(configs) } }),
    ...(params.length > 0 && { params: { ...sent.params, ...Object.fromEntries(params) } }),
    ...(positional.length > 0 && { args: [...positional, ...(sent.args ?? [])] }),
  };
}

/** Locations with their values: the one given, else the one sent for the same place, else the default. */
function placedValues(
  interfaceArguments: readonly InterfaceArgument[],
  place: "configs" | "params",
  given: ReadonlyMap<string, SimpleValue>,
  sent: JobConfigs,
): [string, SimpleValue][] {
  const present = new Map(Object.entries(sent[place] ?? {}));
  return interfaceArguments
    .filter(({ mappingType }) => mappingType === place)
    .flatMap(({ name, location, default: fallback }): [string, SimpleValue][] => {
      const value = given.get(name) ?? present.get(location) ?? fallback;
      return value === null ? [] : [[location, value]];
    });
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, place) => names.indexOf(name) !== place))];
}

function invalidInterface(
  code: "job-template-invalid" | "job-execution-invalid",
  problems: readonly string[],
): Fault {
  return new Fault("invalid", code, `interface: ${problems.join("; ")}`, { problems });
}
