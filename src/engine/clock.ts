/** The time that all servers on one database agree on: the machine's clock, corrected by its distance from the database's. */

export interface Clock {
  readonly now: () => Date;
  /** The machine's own time. */
  readonly machine: () => Date;
  /** Takes a reading of the database's clock that was asked for and answered at these times of the machine's. */
  readonly compare: (database: Date, asked: Date, answered: Date) => void;
  /** How far the machine's clock was from the database's at the last reading, in milliseconds. */
  readonly distanceMs: () => number;
  /** Whether that is so far that the server is to take no work: its clock is wrong, or will jump. */
  readonly apart: () => boolean;
}

/** Source: the engine's rules on time in docs/several-servers.md. */
const APART_MS = 1_000;
/** Both clocks are read in whole milliseconds. */
const READING_MS = 1;

export function createClock(machine: () => Date): Clock {
  let distanceMs = 0;
  const apart = () => Math.abs(distanceMs) > APART_MS;
  return {
    // Beyond the bound no work is taken, and lists and logs show the machine's time as everything on it does.
    now: () => (apart() ? machine() : new Date(machine().getTime() + distanceMs)),
    machine,
    compare: (database, asked, answered) => {
      if (answered < asked) return;
      // The clock was read at some moment in between: what was believed so far holds unless the reading speaks against it.
      const least = database.getTime() - answered.getTime() - READING_MS;
      const most = database.getTime() - asked.getTime() + READING_MS;
      distanceMs = Math.min(Math.max(distanceMs, least), most);
    },
    distanceMs: () => distanceMs,
    apart,
  };
}
