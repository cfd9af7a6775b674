/** How long statements take, seen from this side: the way there and back, and the wait for their turn on a connection. */
import type { ClientBase } from "pg";

/** Hears the name of each statement that has one, and its milliseconds; never throws. */
export type OnStatement = (name: string, milliseconds: number) => void;

type Query = (statement: unknown, ...rest: unknown[]) => unknown;

/** From now on each named statement of `client` is heard of when it has ended, well or not. */
export function timeStatements(client: ClientBase, onStatement: OnStatement): void {
  const query: Query = client.query.bind(client);
  const timed: Query = (statement, ...rest) => {
    const name = nameOf(statement);
    if (name === undefined) return query(statement, ...rest);
    const began = performance.now();
    const ended = () => onStatement(name, performance.now() - began);
    // The pool's own calls pass a function at the end, and those of a transaction wait for a promise.
    const last = rest.at(-1);
    if (typeof last === "function")
      return query(statement, ...rest.slice(0, -1), (...answer: unknown[]) => {
        ended();
        last(...answer);
      });
    const pending = query(statement, ...rest);
    if (pending instanceof Promise) pending.then(ended, ended);
    return pending;
  };
  Object.assign(client, { query: timed });
}

function nameOf(statement: unknown): string | undefined {
  return typeof statement === "object" &&
    statement !== null &&
    "name" in statement &&
    typeof statement.name === "string"
    ? statement.name
    : undefined;
}
