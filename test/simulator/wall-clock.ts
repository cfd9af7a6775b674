/** What clocks show in a zone, learned from the system's calendar alone and kept apart from the product's own zones. */

/** A zone's offsets from UTC within a range, in milliseconds. */
export interface WallClock {
  readonly offsetAt: (instant: number) => number;
  /** Instants at which clocks show that local time (milliseconds as if in UTC): none, one or two, in order. */
  readonly instantsOf: (local: number) => readonly number[];
  /** The change that takes a local time which no instant shows. */
  readonly changeOver: (local: number) => number | undefined;
  readonly changes: number;
}

interface Stretch {
  readonly start: number;
  readonly offset: number;
}

const MINUTE = 60_000;
/** No zone changes its clock twice in so short a time. */
const STEP = 6 * 60 * MINUTE;

export function wallClock(zone: string, from: number, to: number): WallClock {
  const stretches = readStretches(zone, from, to);
  const offsetAt = (instant: number) => {
    let low = 0;
    for (let high = stretches.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((stretches[middle]?.start ?? 0) <= instant) low = middle;
      else high = middle;
    }
    return stretches[low]?.offset ?? 0;
  };
  const offsets = [...new Set(stretches.map(({ offset }) => offset))].sort((a, b) => b - a);
  return {
    offsetAt,
    instantsOf: (local) =>
      offsets.map((offset) => local - offset).filter((at) => at + offsetAt(at) === local),
    changeOver: (local) =>
      stretches.find(
        ({ start, offset }, n) =>
          n > 0 && local >= start + (stretches[n - 1]?.offset ?? 0) && local < start + offset,
      )?.start,
    changes: stretches.length - 1,
  };
}

function readStretches(zone: string, from: number, to: number): Stretch[] {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  const read = (instant: number) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0;
    return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute")) - instant;
  };
  const first = Math.floor(from / MINUTE) * MINUTE;
  const stretches: Stretch[] = [{ start: first, offset: read(first) }];
  for (let at = first; at < to; at += STEP) {
    const before = read(at);
    const after = read(at + STEP);
    if (before === after) continue;
    let [low, high] = [at, at + STEP];
    while (high - low > MINUTE) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE) * MINUTE;
      if (read(middle) === before) low = middle;
      else high = middle;
    }
    stretches.push({ start: high, offset: after });
  }
  return stretches;
}
