/** How many requests are answered at a time: those beyond wait for nothing and are asked to come again. */
import { Fault } from "../domain/fault.ts";

/**
 * Does the work, or refuses it before it has begun.
 * @throws Fault `server-busy` where as much is under way as the server can carry.
 */
export type Admit = <Value>(work: () => Promise<Value>) => Promise<Value>;

export function createAdmission(most: number): Admit {
  let underWay = 0;
  return async (work) => {
    if (underWay >= most)
      throw new Fault(
        "unavailable",
        "server-busy",
        "more is asked of the server than it can answer; ask again",
      );
    underWay += 1;
    try {
      return await work();
    } finally {
      underWay -= 1;
    }
  };
}
