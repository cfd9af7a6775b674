/** Takes over what lost servers were running: their node runs are ready again within a moment, without using up a retry. */
import { HELD_UNTIL } from "../domain/kept-alive.ts";
import type { Observe } from "../domain/observation.ts";
import { type DatabasePool, transaction } from "../store/database.ts";
import { type Claim, type LostAttempt, listAttemptsOf, requeueLost } from "../store/node-runs.ts";
import { deleteServer, findLostServers, findUnknownServers, lockServer } from "../store/servers.ts";
import type { Definitions } from "./definitions.ts";
import { isKeptAlive } from "./kept-alive.ts";
import { createLoop, type Loop } from "./loop.ts";
import { type Moved, type Settlement, settleByModel } from "./settle.ts";

export interface RescuerDeps {
  readonly pool: DatabasePool;
  readonly definitions: Definitions;
  readonly serverId: () => string | undefined;
  readonly now: () => Date;
  readonly observe: Observe;
  readonly onRequeued: () => void;
  /** A lost server is out of the register: what it held is free, and what it had still to tell is told by nobody. */
  readonly onRescued: () => void;
  readonly onMoved: (moved: Moved) => void;
  /** How many other servers are registered. */
  readonly onOthers: (others: number) => void;
}

/** A node run that takes its server down with it is not tried for ever. */
const LOSSES_MAX = 3;
/** While others are registered. */
const WATCH_MS = 250;
const ALONE_MS = 5_000;
/** Rounds, while others are registered, between looks for node runs of servers that are not in the register. */
const ROUNDS_TO_UNKNOWN = 20;

export function createRescuer(deps: RescuerDeps): Loop {
  let toUnknown = 0;
  let registeredAs: string | undefined;

  async function round(): Promise<number> {
    const own = deps.serverId();
    if (own === undefined) return WATCH_MS;
    const { lost, others } = await findLostServers(deps.pool, own);
    deps.onOthers(others);
    // Of a server that is not even in the register there is nothing to see but its node runs.
    const looks = own !== registeredAs || others === 0 || toUnknown === 0;
    const unknown = looks ? await findUnknownServers(deps.pool) : [];
    registeredAs = own;
    for (const serverId of [...lost, ...unknown]) await rescue(serverId);
    toUnknown = looks ? ROUNDS_TO_UNKNOWN : Math.max(0, toUnknown - 1);
    return others > 0 ? WATCH_MS : ALONE_MS;
  }

  async function rescue(serverId: string): Promise<void> {
    const { requeued, left } = await transaction(deps.pool, async (db) => {
      if (!(await lockServer(db, serverId))) return { requeued: 0, left: undefined };
      const count = await requeueLost(db, serverId, deps.now(), LOSSES_MAX);
      const rest = await listAttemptsOf(db, serverId);
      await deleteServer(db, serverId);
      return { requeued: count, left: rest };
    });
    if (left === undefined) return;
    if (requeued > 0) deps.onRequeued();
    // Where this fails, they are found as those of a server that is not in the register.
    if (left.length > 0) toUnknown = 0;
    for (const lost of left) await settleLost(lost);
    deps.onRescued();
    deps.observe({ event: "server-lost", serverId, requeued: requeued + left.length });
  }

  async function settleLost(lost: LostAttempt): Promise<void> {
    const claim: Claim = { ...lost, tries: 0 };
    const moved = await settleByModel(deps.pool, await settlementOf(lost, claim), deps.now());
    if (moved !== undefined) deps.onMoved(moved);
  }

  async function settlementOf(lost: LostAttempt, claim: Claim): Promise<Settlement> {
    const again: Settlement = {
      type: "retried",
      claim,
      outcome: "lost",
      readyAt: deps.now(),
      triesAdded: 0,
      lossesAdded: lost.lane === "remote" ? 0 : 1,
      message: "the server that ran it was lost",
    };
    // What runs on a cluster went on there, and took no server down.
    if (lost.losses < LOSSES_MAX || lost.lane === "remote") return again;
    const [facts] = await deps.definitions.factsOf([lost]);
    // A node that is to live for ever is not given up: somebody has to look at it.
    if (facts !== undefined && isKeptAlive(facts)) return { ...again, readyAt: HELD_UNTIL, triesAdded: 1 };
    const node = facts?.pinned?.nodes[lost.nodeNo];
    const message = `its server was lost ${lost.losses + 1} times while it ran`;
    return {
      type: "failed",
      claim,
      policy: node?.failPolicy ?? "fail",
      nodeName: node?.name ?? `${lost.nodeNo}`,
      message,
    };
  }

  return createLoop("rescuer", round, deps.observe);
}
