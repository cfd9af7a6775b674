/** Conditions on the marks of jobs and scripts (domain/text-marks.ts). */
import { MARK_SIZES } from "../domain/text-marks.ts";

/** Whether what has these marks may hold what the parameters from `$first` on want; what has none may hold anything. */
export function mayHold(column: string, first: number): string {
  const cases = MARK_SIZES.map((size, place) => {
    const wanted = `$${first + place}::varbit`;
    return `when ${size} then (${column} & ${wanted})::varbit = ${wanted}`;
  });
  return `(${column} is null or case length(${column}) ${cases.join(" ")} end)`;
}
