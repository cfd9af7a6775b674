/** The thread of `fuzz.ts`: says each text, tries it, and looks whether anything outside of the language was touched. */
import { parentPort, workerData } from "node:worker_threads";
import fc from "fast-check";
import { anyCall, anyWords, tryText, wellFormed } from "../setup/expression-texts.ts";

const { minutes, seed }: { readonly minutes: number; readonly seed: number } = workerData;

const SHARED = [Object, Array, String, Number, Date, Map, Function].map(({ prototype }) => prototype);
const namesOf = () =>
  SHARED.map((shared) => Reflect.ownKeys(shared).length).join() + Reflect.ownKeys(globalThis).length;
const before = namesOf();

const property = fc.property(fc.oneof(anyWords, wellFormed, anyCall), (text) => {
  parentPort?.postMessage(text);
  tryText(text);
  if (namesOf() !== before) throw new RangeError("something outside was changed");
});
fc.assert(property, {
  seed,
  numRuns: Number.MAX_SAFE_INTEGER,
  interruptAfterTimeLimit: minutes * 60_000,
});
