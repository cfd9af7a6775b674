/** Rings when times come that are known before. */

export interface Alarm {
  /** Rings at that time, once, or in a moment where it has come. */
  readonly at: (time: Date) => void;
  readonly clear: () => void;
}

/** The clock is asked again so often, because it may be set while the alarm waits. */
const LOOK_MS = 1_000;

export function createAlarm(now: () => Date, ring: () => void): Alarm {
  const times = new Set<number>();
  let timer: NodeJS.Timeout | undefined;

  function set(): void {
    clearTimeout(timer);
    if (times.size === 0) return;
    const delayMs = Math.min(...times) - now().getTime();
    timer = setTimeout(look, Math.min(Math.max(delayMs, 1), LOOK_MS));
  }

  /** A timer may be a moment early; what begins then would look a moment too soon. */
  function look(): void {
    const time = now().getTime();
    const come = [...times].filter((one) => one <= time);
    for (const one of come) times.delete(one);
    set();
    if (come.length > 0) ring();
  }

  return {
    at: (time) => {
      times.add(time.getTime());
      set();
    },
    clear: () => {
      times.clear();
      clearTimeout(timer);
    },
  };
}
