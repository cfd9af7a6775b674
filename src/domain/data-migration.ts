/** What a `DataMigration` or `CDMJob` node moves: from where, to where, which columns, and how they are written. */

/** Fixed by the properties of a node; the connection is loaded under its property's name. */
export interface DatabaseEnd {
  readonly kind: "database";
  readonly database?: string;
}

export interface FileEnd {
  readonly kind: "file";
  /** `obs://bucket/key` */
  readonly path: string;
  readonly format: "csv" | "parquet";
}

export interface MovedColumn {
  readonly source: string;
  readonly target: string;
}

export interface Migration {
  /** `query` is what a table is read by, too. */
  readonly source: (DatabaseEnd & ({ readonly table: string } | { readonly query: string })) | FileEnd;
  readonly target: (DatabaseEnd & { readonly table: string }) | FileEnd;
  /** Absent: all, under their own names. */
  readonly columns?: readonly MovedColumn[];
  /** `truncate` takes all that was there away, in the transaction that writes. */
  readonly writeMode: "append" | "truncate";
}

type Properties = Readonly<Record<string, string>>;

const FORMATS = ["csv", "parquet"] as const;
const WRITE_MODES = ["append", "truncate"] as const;

/** Reads the node's properties, or gives everything that is wrong with them. */
export function readMigration(properties: Properties): Migration | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const [source, target] = [readSource(properties, problems), readTarget(properties, problems)];
  const writeMode = readWord(properties, "writeMode", WRITE_MODES, problems) ?? "append";
  const columns = readColumns(properties.columnMapping ?? "", problems);
  if (source === undefined || target === undefined || problems.length > 0) return { problems };
  return { source, target, writeMode, ...(columns.length > 0 && { columns }) };
}

/**
 * The name of the stored job whose node says what a `CDMJob` node moves, as the node has it; undefined where the node says
 * so itself, or is of another type. Source: dataarts-factory 4.2, CDMJob.
 */
export function namedMigration({
  type,
  properties,
}: {
  readonly type: string;
  readonly properties: Properties;
}): string | undefined {
  const saysItself = Object.keys(properties).some((name) => /^(source|target)[A-Z]/.test(name));
  return type === "CDMJob" && !saysItself ? properties.jobName || undefined : undefined;
}

/** The parts of a name such as `schema.table`. */
export function nameParts(name: string): string[] {
  return name.split(".").map((part) => part.trim());
}

function readSource(properties: Properties, problems: string[]): Migration["source"] | undefined {
  const { sourceTable: table = "", sourceQuery: query = "" } = properties;
  if (!isGiven(properties, "sourceConnectionName")) return readFile(properties, "source", problems);
  if ((table === "") === (query === ""))
    problems.push("sourceTable or sourceQuery must be given, one of both");
  const end = databaseEnd(properties.sourceDatabase);
  return query === "" ? { ...end, table } : { ...end, query: query.trim().replace(/;$/, "") };
}

function readTarget(properties: Properties, problems: string[]): Migration["target"] | undefined {
  const { targetTable: table = "" } = properties;
  if (!isGiven(properties, "targetConnectionName")) return readFile(properties, "target", problems);
  if (table === "") problems.push("targetTable must be given");
  return { ...databaseEnd(properties.targetDatabase), table };
}

function databaseEnd(database = ""): DatabaseEnd {
  return { kind: "database", ...(database !== "" && { database }) };
}

function readFile(properties: Properties, end: "source" | "target", problems: string[]): FileEnd | undefined {
  const path = properties[`${end}Path`] ?? "";
  if (!/^obs:\/\/[^/'\\\n]+\/[^'\\\n]*[^'\\\n/]$/.test(path)) {
    problems.push(`${end}Path must be obs://bucket/key, or ${end}ConnectionName must name a database`);
    return undefined;
  }
  const byName = /\.parquet$/i.test(path) ? "parquet" : "csv";
  const format = readWord(properties, `${end}Format`, FORMATS, problems) ?? byName;
  return { kind: "file", path, format };
}

/** Lines of `source=target`, or of a name that stays. */
function readColumns(text: string, problems: string[]): MovedColumn[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const columns = lines.map((line) => {
    const [source = "", target = source] = line.split("=").map((name) => name.trim());
    return { source, target };
  });
  if (columns.some(({ source, target }) => source === "" || target === ""))
    problems.push("columnMapping must hold lines source=target");
  return columns;
}

function readWord<Word extends string>(
  properties: Properties,
  name: string,
  words: readonly Word[],
  problems: string[],
): Word | undefined {
  const text = (properties[name] ?? "").trim().toLowerCase();
  if (text === "") return undefined;
  const word = words.find((known) => known === text);
  if (word === undefined) problems.push(`${name} must be one of ${words.join(", ")}`);
  return word;
}

function isGiven(properties: Properties, name: string): boolean {
  return (properties[name] ?? "") !== "";
}
