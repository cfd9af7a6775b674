/** What the engine's operations work with. */
import type { Observe } from "../domain/observation.ts";
import type { DatabasePool } from "../store/database.ts";
import type { Definitions, OperatorIndex } from "./definitions.ts";
import type { Moved } from "./settle.ts";

export interface OperationDeps {
  readonly pool: DatabasePool;
  readonly operators: OperatorIndex;
  readonly definitions: Definitions;
  readonly now: () => Date;
  readonly observe: Observe;
  /** To be called when what made node runs ready is committed. */
  readonly workReady: () => void;
  /** To be called when a change of schedules, or of what they wait for, is committed. */
  readonly planChanged: () => void;
  /** To be called with each instance that was moved, when that is committed. */
  readonly afterMove: (moved: Moved) => void;
}
