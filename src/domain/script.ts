/** A script: reusable text that nodes run, and what makes one legal. */
import { checkTemplate } from "./expression.ts";

/** Kinds of scripts, as the wire names them. Source: dataarts-factory 4.10. */
export const SCRIPT_TYPES = [
  "FlinkSQL",
  "DLISQL",
  "SparkSQL",
  "HiveSQL",
  "DWSSQL",
  "RDSSQL",
  "Shell",
  "PRESTO",
  "ClickHouseSQL",
  "HetuEngineSQL",
  "PYTHON",
  "ImpalaSQL",
  "SparkPython",
  "Spark Python",
] as const;
export type ScriptType = (typeof SCRIPT_TYPES)[number];

/** The type of the node that runs a script of the kind; one that nothing here runs has its own name. */
const NODE_TYPES: Partial<Record<ScriptType, string>> = {
  PYTHON: "Python",
  SparkPython: "MRSSparkPython",
  "Spark Python": "MRSSparkPython",
};

export function nodeTypeOf(type: ScriptType): string {
  return NODE_TYPES[type] ?? type;
}

/** Longest content, in UTF-8 bytes. Source: dataarts-factory 4.10. */
const SCRIPT_CONTENT_BYTES_MAX = 4 * 1024 * 1024;
export const SCRIPT_DESCRIPTION_MAX = 255;

/** A script with its text. */
export interface Script {
  readonly projectId: string;
  readonly workspaceId: string;
  readonly id: number;
  /** Unique in its workspace; the rule of a job's name. */
  readonly name: string;
  readonly type: ScriptType;
  readonly content: string;
  /** Raised by each save, from 1. */
  readonly version: number;
  /** The other members as they came on the wire; only its face reads them. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

export function isScriptType(type: string): type is ScriptType {
  return SCRIPT_TYPES.some((known) => known === type);
}

/** Everything that is wrong with a script's content: its length, the expressions in it; empty when it is legal. */
export function checkContent(content: string): string[] {
  if (Buffer.byteLength(content) > SCRIPT_CONTENT_BYTES_MAX)
    return [`content: must be at most ${SCRIPT_CONTENT_BYTES_MAX} bytes`];
  return checkTemplate(content).map((problem) => `content: ${problem}`);
}
