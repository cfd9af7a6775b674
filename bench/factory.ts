/** A benchmark's caller of the Factory face: saves jobs, starts runs, waits for their ends. */
import { setTimeout as wait } from "node:timers/promises";
import { createClient } from "./measure.ts";
import type { BenchService } from "./service.ts";

export interface BenchNode {
  readonly name: string;
  readonly type: string;
  readonly after?: readonly string[];
  readonly statement?: string;
}

export interface FactoryCaller {
  readonly save: (name: string, nodes: readonly BenchNode[], schedule?: object) => Promise<void>;
  readonly start: (name: string) => Promise<void>;
  /** Gives the instance's id. */
  readonly run: (name: string) => Promise<number>;
  /** Resolves when all have ended; throws where one did not succeed. */
  readonly ended: (instanceIds: readonly number[]) => Promise<void>;
  readonly close: () => void;
}

/** Looking more often would cost the measured service more than it tells. */
const LOOK_MS = 5;

export async function createFactoryCaller(
  service: BenchService,
  connections: number,
): Promise<FactoryCaller> {
  const { projectId } = service;
  const client = createClient(service.url, connections);
  const headers = {
    "x-auth-token": await service.tokenFor(projectId),
    "content-type": "application/json",
  };
  const post = (path: string, body: unknown) =>
    client.send("POST", `/v1/${projectId}/jobs${path}`, headers, JSON.stringify(body));
  return {
    save: async (name, nodes, schedule = { type: "EXECUTE_ONCE" }) => {
      await post("", { name, processType: "BATCH", schedule, nodes: nodes.map(encodeNode) });
    },
    start: async (name) => {
      await post(`/${name}/start`, {});
    },
    run: async (name) => JSON.parse((await post(`/${name}/run-immediate`, {})).body).instanceId,
    ended: async (ids) => {
      while ((await countUnended(service, ids)) > 0) await wait(LOOK_MS);
    },
    close: client.close,
  };
}

function encodeNode({ name, type, after = [], statement }: BenchNode): object {
  const properties =
    statement === undefined
      ? []
      : [
          { name: "statementOrScript", value: "STATEMENT" },
          { name: "statement", value: statement },
        ];
  return { name, type, location: { x: 0, y: 0 }, preNodeName: after, properties };
}

async function countUnended({ pool, projectId }: BenchService, ids: readonly number[]): Promise<number> {
  const { rows } = await pool.query<{ unended: number; failed: number }>({
    name: "bench-unended",
    text: `select count(*) filter (where ended_at is null)::int as unended,
             count(*) filter (where ended_at is not null and state <> 'succeeded')::int as failed
           from instance where project_id = $1 and id = any ($2)`,
    values: [projectId, ids],
  });
  const [{ unended, failed } = { unended: 0, failed: 0 }] = rows;
  if (failed > 0) throw new Error(`${failed} instances did not succeed`);
  return unended;
}
