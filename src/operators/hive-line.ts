/** A line to a HiveServer2 that attempts can follow each other on, each in a session that no other attempt has had. */
import type { HiveTarget } from "./hive-connection.ts";
import { type HiveSession, openHiveSession } from "./hive-session.ts";
import type { SqlSession } from "./sql-driver.ts";
import { openThriftLine } from "./thrift-line.ts";

export interface HiveLine extends SqlSession {
  readonly session: () => Promise<HiveSession>;
  /** Hangs up at once: the server ends the session, and what it does, when it finds that out. */
  readonly abandon: () => void;
}

const CLOSE_MS = 3000;

/** Rejects when the server cannot be reached or refuses, or with the signal's reason when that was aborted first. */
export async function openHiveLine(
  target: HiveTarget,
  database: string | undefined,
  signal: AbortSignal,
): Promise<HiveLine> {
  const line = await openThriftLine(target, signal);
  const open = () => openHiveSession(line, target, { user: target.user, database });
  let session = open();
  signal.addEventListener("abort", line.close, { once: true });
  try {
    await session;
  } catch (error) {
    line.close();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", line.close);
  }
  const end = async () => {
    const time = setTimeout(line.close, CLOSE_MS); // a server that says nothing holds nobody up
    await session.then((opened) => opened.close()).catch(() => undefined);
    clearTimeout(time);
    line.close();
  };
  return {
    session: () => session,
    abandon: line.close,
    usable: line.usable,
    close: end,
    lend: async (_name, borrower, body) => {
      let clean = false;
      try {
        const outcome = await body();
        clean = outcome.state === "succeeded" && !borrower.aborted;
        return outcome;
      } finally {
        if (clean) session = renew(session, open, line.close);
        else await end();
      }
    },
  };
}

/** Settings, temporary views and the database that a script chose end with its session. Nobody waits for the next one. */
function renew(
  last: Promise<HiveSession>,
  open: () => Promise<HiveSession>,
  giveUp: () => void,
): Promise<HiveSession> {
  const next = last.then((session) => session.close()).then(open);
  next.catch(giveUp);
  return next;
}
