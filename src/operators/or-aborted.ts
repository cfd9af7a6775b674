/** Waits for what cannot be interrupted, such as the look-up of a name: who waits leaves, and that ends by itself. */

/** Rejects with the signal's reason as soon as it is aborted. */
export function orAborted<Value>(pending: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  return Promise.race([pending, promise]).finally(() => signal.removeEventListener("abort", abort));
}
