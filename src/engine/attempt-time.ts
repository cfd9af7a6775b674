/** The time that an attempt may take. */

/** How often it is asked whether an attempt whose time is over is still paused. */
const PAUSE_POLL_MS = 2_000;

/** Gives what ends the timer. */
export function startTimer(act: () => void, ms: number): () => void {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
}

/**
 * Calls `onOver` when the time is over, though not while the attempt is paused: it has the whole time again when it goes
 * on. Gives what ends the limit.
 */
export function startTimeLimit(
  limitMs: number,
  { isPaused, onOver }: { readonly isPaused: () => Promise<boolean>; readonly onOver: () => void },
): () => void {
  let ended = false;
  let endTimer = startTimer(() => void look(false), limitMs);

  async function look(wasPaused: boolean): Promise<void> {
    // Where the database does not answer, as it was.
    const paused = await isPaused().catch(() => wasPaused);
    if (ended) return;
    if (paused) endTimer = startTimer(() => void look(true), PAUSE_POLL_MS);
    else if (wasPaused) endTimer = startTimer(() => void look(false), limitMs);
    else onOver();
  }

  return () => {
    ended = true;
    endTimer();
  };
}
