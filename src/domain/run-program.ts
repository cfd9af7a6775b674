/** What a run hands to the engine: settled when it was asked for and kept with it, whatever becomes of its template. */
import { SECRET_MASK } from "./connection.ts";
import { type DataSource, type DataSourceCredentials, resolvePlaceholders } from "./data-source.ts";
import { JAVA_OPTIONS, type JobConfigs, MAIN_CLASS, type SimpleValue } from "./job-configs.ts";
import type { JobType } from "./job-type.ts";
import { formatObjectId } from "./shared-object.ts";
import { isSubstitutionSwitch, substituteReferences } from "./substitution.ts";

/** An address, and the data source whose credentials count there. */
export interface RunPlace {
  readonly url: string;
  readonly dataSourceId?: string;
}

/** A file that the run names itself, by its address. */
export interface RunFile {
  readonly address: string;
  readonly use: "main" | "library";
}

export interface RunProgram {
  readonly configs: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly input?: RunPlace;
  readonly output?: RunPlace;
  /** Data sources that configs, params and arguments name. */
  readonly named: readonly RunPlace[];
  /** Of a run without a template. */
  readonly files?: readonly RunFile[];
  /** Of a run without a template: the statements that it runs. */
  readonly statement?: string;
  /** Among its arguments. It is kept sealed where it has any, or settings whose names tell of some. */
  readonly secrets?: readonly string[];
}

/** What the settings of a run are made into. */
export interface ProgramParts {
  readonly type: JobType;
  readonly executionId: string;
  readonly configs: JobConfigs;
  /** Ids that are data sources by the template's interface. */
  readonly interfaceIds: readonly string[];
  readonly input: DataSource | undefined;
  readonly output: DataSource | undefined;
  /** That the settings name. */
  readonly named: readonly DataSource[];
  readonly randomLetters: (count: number) => string;
}

const STATEMENT_TYPES: readonly JobType[] = ["Hive", "hql", "SparkSql", "SparkScript"];

/** The program, and the address of each data source of the run by its id: placeholders are filled once for both. */
export function composeProgram(parts: ProgramParts): {
  readonly program: RunProgram;
  readonly urls: Readonly<Record<string, string>>;
} {
  const { type, configs, interfaceIds, input, output, named } = parts;
  const sources = [input, output, ...named].filter((source) => source !== undefined);
  const executionId = formatObjectId(parts.executionId);
  const urls = new Map<string, string>();
  for (const { id, url } of sources)
    if (!urls.has(id)) urls.set(id, resolvePlaceholders(url, executionId, parts.randomLetters));
  const addressOf = ({ id, url }: DataSource) => urls.get(id) ?? url;
  const placeOf = (source: DataSource): RunPlace => ({ url: addressOf(source), dataSourceId: source.id });
  const settled = substituteReferences(configs, interfaceIds, named, addressOf);
  const ends = {
    ...(input && { input: placeOf(input) }),
    ...(output && { output: placeOf(output) }),
  };
  const program = {
    ...ends,
    configs: textsOf(settled.configs, (name) => !isSubstitutionSwitch(name)),
    params: {
      ...(STATEMENT_TYPES.includes(type) && {
        ...(ends.input && { INPUT: ends.input.url }),
        ...(ends.output && { OUTPUT: ends.output.url }),
      }),
      ...textsOf(settled.params, () => true),
    },
    args: splitLine(type, settled.args ?? []),
    named: named.map(placeOf),
  };
  return { program, urls: Object.fromEntries(urls) };
}

/** Of a run from before programs were kept: its settings, as they came. */
export function plainProgram({ configs, params, args = [] }: JobConfigs): RunProgram {
  return { configs: textsOf(configs, () => true), params: textsOf(params, () => true), args, named: [] };
}

/**
 * What a command of the run finds in its environment: params, and configs that are no settings of this service, as far
 * as their names can be names of variables.
 */
export function environmentOf({
  configs,
  params,
}: Pick<RunProgram, "configs" | "params">): Readonly<Record<string, string>> {
  const settings = Object.entries({ ...configs, ...params });
  return Object.fromEntries(settings.filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)));
}

/** Configs of the API as properties of a node: what operators know them by. */
const PROPERTIES: Readonly<Record<string, string>> = {
  [MAIN_CLASS]: "mainClass",
  [JAVA_OPTIONS]: "javaOpts",
  "edp.streaming.mapper": "mapper",
  "edp.streaming.reducer": "reducer",
};

/** The properties that a node has by the run's configs. */
export function propertiesOf({ configs }: Pick<RunProgram, "configs">): Readonly<Record<string, string>> {
  const named = Object.entries(configs).flatMap(([name, value]): [string, string][] => {
    const property = PROPERTIES[name];
    return property === undefined ? [] : [[property, value]];
  });
  return Object.fromEntries(named);
}

/** Whether a config's or an argument's name says that its value is a secret. */
export function isSecretSetting(name: string): boolean {
  return /passw(?:or)?d|secret|token|credential|(?:^|[._-])access[._-]?key|private[._-]?key/i.test(name);
}

/** Values of a program that nobody may read: among its arguments, and of settings whose names say so. */
export function secretsOf({ configs, params, secrets = [] }: RunProgram): string[] {
  const named = Object.entries({ ...configs, ...params }).filter(([name]) => isSecretSetting(name));
  return [...secrets, ...named.map(([, value]) => value)].filter((value) => value !== "");
}

/** The same of what a data source is opened with. */
export function secretsOfCredentials(credentials: DataSourceCredentials): string[] {
  const secret = Object.entries(credentials).filter(([name]) => isSecretMember(name));
  return secret.flatMap(([, value]) => (typeof value === "string" && value !== "" ? [value] : []));
}

/** Settings as they are kept and shown. */
export function coverSettings({ configs, params, args }: JobConfigs): JobConfigs {
  return {
    ...(configs && { configs: coverValues(configs) }),
    ...(params && { params: coverValues(params) }),
    ...(args && { args }),
  };
}

/** Values by names, those covered whose names tell of secrets. */
export function coverValues(
  values: Readonly<Record<string, SimpleValue>>,
): Readonly<Record<string, SimpleValue>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, isSecretSetting(name) ? SECRET_MASK : value]),
  );
}

function isSecretMember(name: string): boolean {
  return ["password", "accesskey", "secretkey"].includes(name);
}

/** The vendor's form of a MapReduce job: its whole command line as one argument. Source: mrs-v1.1 4. */
function splitLine(type: JobType, args: readonly string[]): readonly string[] {
  const [line = ""] = args;
  return type === "MapReduce" && args.length === 1 && /\s/.test(line.trim())
    ? line.trim().split(/\s+/)
    : args;
}

function textsOf(
  values: Readonly<Record<string, SimpleValue>> | undefined,
  isWanted: (name: string) => boolean,
): Readonly<Record<string, string>> {
  const wanted = Object.entries(values ?? {}).filter(([name]) => isWanted(name));
  return Object.fromEntries(wanted.map(([name, value]) => [name, String(value)]));
}
