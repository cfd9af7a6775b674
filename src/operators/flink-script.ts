/** A script for Flink SQL: statements that prepare its session, and those that become its one job. */
import { Fault } from "../domain/fault.ts";

export interface FlinkScript {
  /** `SET`, `CREATE`, `USE` and the like, in their order. */
  readonly preparations: readonly string[];
  /** One statement that starts one job; undefined for a script that only prepares. */
  readonly job?: string;
}

/** A program for the SQL gateway of a session cluster. */
export interface FlinkSqlProgram {
  readonly form: "flink-sql";
  readonly script: FlinkScript;
  /** A savepoint or checkpoint that it goes on from. */
  readonly savepoint?: string;
}

// What is left open ends with the text: each character is looked at once.
const PIECE =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|;|[^;'"`/-]+|[\s\S]/g;
const SET_OPENS = /^(?:EXECUTE\s+STATEMENT\s+SET\s+BEGIN|BEGIN\s+STATEMENT\s+SET)\b/i;

/**
 * Several `INSERT`s become one job that has a part for each of them: a job that is there twice, or half, would have no
 * name by which it could be found. @throws Fault `reference-invalid` for a script that is no preparation and one job.
 */
export function readFlinkScript(text: string): FlinkScript {
  const preparations: string[] = [];
  const inserts: string[] = [];
  for (const statement of statementsOf(text)) {
    // What a set opens with stands before its first insert, or alone.
    const inner = statement.replace(SET_OPENS, "").trim();
    if (inner === "" || /^END$/i.test(inner)) continue;
    const kind = kindOf(inner);
    if (kind === "job") inserts.push(inner);
    else if (kind === "preparation" && inserts.length === 0) preparations.push(inner);
    else throw refused(inner, kind);
  }
  const [only] = inserts;
  if (only === undefined) return { preparations };
  if (inserts.length === 1) return { preparations, job: only };
  return {
    preparations,
    job: `EXECUTE STATEMENT SET BEGIN ${inserts.map((one) => `${one};`).join(" ")} END`,
  };
}

function kindOf(statement: string): "job" | "preparation" | "query" | "other" {
  if (/^INSERT\b/i.test(statement)) return "job";
  if (/^(?:SELECT|WITH|VALUES|TABLE|\()/i.test(statement)) return "query";
  if (/^CREATE\s[\s\S]*?\bTABLE\b[\s\S]*\bAS\s+(?:SELECT|WITH)\b/i.test(statement)) return "other";
  if (/^(?:SET|RESET|CREATE|DROP|ALTER|USE|LOAD|UNLOAD|ADD|REMOVE|ANALYZE)\b/i.test(statement))
    return "preparation";
  return "other";
}

function refused(statement: string, kind: string): Fault {
  const start = statement.slice(0, 80).replaceAll(/\s+/g, " ");
  const why =
    kind === "query"
      ? "a query's rows are not fetched: INSERT INTO a table writes them"
      : "a script prepares (SET, CREATE, USE …) and then inserts (INSERT INTO …), nothing else";
  return new Fault("invalid", "reference-invalid", `Flink SQL: ${why}. The statement begins with: ${start}`);
}

/** Without comments and blank ends; a semicolon in quotes parts nothing. Hints (`+` behind the star) are kept. */
function statementsOf(text: string): string[] {
  const statements: string[] = [""];
  for (const [piece] of text.matchAll(PIECE)) {
    if (piece === ";") statements.push("");
    else statements.push(`${statements.pop() ?? ""}${isComment(piece) ? " " : piece}`);
  }
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== "");
}

function isComment(piece: string): boolean {
  return piece.startsWith("--") || (piece.startsWith("/*") && !piece.startsWith("/*+"));
}
