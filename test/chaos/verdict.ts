/** Judges what a storm left in the database: every run that was accepted or planned ended, each node of it once. */
import { join } from "node:path";
import { Client } from "pg";
import { openEmbedded } from "../../src/store/embedded.ts";

/** What was asked of the service, as far as it said that it had taken it. */
export interface Asked {
  /** Ids of the instances that `run-immediate` gave. */
  readonly accepted: readonly number[];
  /** Nodes of each job that was run by hand. */
  readonly nodesOfEach: number;
  /** The job on a schedule of every second, and the first and last second that it was to run at. */
  readonly ticking: { readonly jobName: string; readonly from: Date; readonly to: Date };
}

export interface Verdict {
  /** Each a sentence; none when all is well. */
  readonly problems: readonly string[];
  readonly instances: number;
  readonly nodeRuns: number;
  readonly plannedTimes: number;
  /** Attempts that went down with their server, or with the database. */
  readonly lost: number;
}

/** The service's own database, seen past the service. */
export async function withDatabase<Result>(
  dataDir: string,
  look: (database: Client) => Promise<Result>,
): Promise<Result> {
  const server = await openEmbedded(join(dataDir, "postgres"), () => undefined);
  const client = new Client(server.connection);
  try {
    await client.connect();
    return await look(client);
  } finally {
    await client.end();
    await server.stop();
  }
}

/** How many instances have not ended. */
export async function countUnended(database: Client): Promise<number> {
  const { rows } = await database.query<{ left: number }>(
    "select count(*)::int as left from instance where ended_at is null",
  );
  return rows[0]?.left ?? 0;
}

/** To be asked when nothing is under way any more. */
export async function judge(database: Client, asked: Asked): Promise<Verdict> {
  const problems = [
    ...(await judgeInstances(database, asked)),
    ...(await judgeNodes(database)),
    ...(await judgePlan(database, asked.ticking)),
  ];
  const { rows } = await database.query<Omit<Verdict, "problems">>(
    `select (select count(*)::int from instance) as instances, (select count(*)::int from node_run) as "nodeRuns",
       (select count(*)::int from planned_run) as "plannedTimes", (select count(*)::int from attempt) as lost`,
  );
  const [counts = { instances: 0, nodeRuns: 0, plannedTimes: 0, lost: 0 }] = rows;
  return { problems, ...counts };
}

async function judgeInstances(database: Client, { accepted, nodesOfEach }: Asked): Promise<string[]> {
  const { rows } = await database.query<{ id: string; state: string; origin: string; nodes: number }>(
    `select i.id, i.state, i.origin, count(n)::int as nodes from instance i
     left join node_run n on n.project_id = i.project_id and n.instance_id = i.id
     group by i.project_id, i.id`,
  );
  const kept = new Set(rows.map(({ id }) => Number(id)));
  return [
    ...rows
      .filter(
        ({ state, origin, nodes }) => state !== "succeeded" || (origin === "test" && nodes !== nodesOfEach),
      )
      .map(({ id, state, nodes }) => `instance ${id} is ${state} with ${nodes} nodes`),
    ...accepted.filter((id) => !kept.has(id)).map((id) => `instance ${id} was accepted and is not there`),
    ...(new Set(accepted).size < accepted.length ? ["an instance's id was given twice"] : []),
  ];
}

/** Every node run succeeded after those before it, and every earlier try of it was lost: none ended twice. */
async function judgeNodes(database: Client): Promise<string[]> {
  const { rows: odd } = await database.query(
    `select n.instance_id, n.node_no, n.state, n.attempt, n.losses, a.lost from node_run n
     left join lateral (
       select count(*)::int as lost from attempt
       where project_id = n.project_id and instance_id = n.instance_id and node_no = n.node_no and outcome = 'lost'
     ) a on true
     where n.state <> 'succeeded' or n.attempt <> n.losses + 1 or a.lost <> n.losses or n.tries <> 0
       or n.message is not null and n.losses = 0`,
  );
  const { rows: others } = await database.query("select * from attempt where outcome <> 'lost'");
  const { rows: early } = await database.query(
    `select s.instance_id, s.node_no, s.started_at, p.node_no as before, p.ended_at from node_run p
     join node_run s on s.project_id = p.project_id and s.instance_id = p.instance_id
       and s.node_no = any (p.successors)
     where s.started_at < p.ended_at`,
  );
  const { rows: backwards } = await database.query(
    `select n.instance_id, n.node_no, n.ready_at, n.started_at, n.ended_at, i.ended_at as "instanceEndedAt"
     from node_run n join instance i on i.project_id = n.project_id and i.id = n.instance_id
     where n.started_at < n.ready_at or n.ended_at < n.started_at or i.ended_at < n.ended_at`,
  );
  return [
    ...odd.map((row) => `a node run does not add up: ${JSON.stringify(row)}`),
    ...others.map((row) => `an attempt ended by itself: ${JSON.stringify(row)}`),
    ...early.map((row) => `a node began before one before it had ended: ${JSON.stringify(row)}`),
    ...backwards.map((row) => `times of a node run go backwards: ${JSON.stringify(row)}`),
  ];
}

/** Each second has its line, and its instance of its own. */
async function judgePlan(database: Client, { jobName, from, to }: Asked["ticking"]): Promise<string[]> {
  const { rows } = await database.query(
    `select due.at, p.state, p.reason, count(i)::int as instances
     from generate_series($2::timestamptz, $3::timestamptz, interval '1 second') as due (at)
     join job j on j.name = $1
     left join planned_run p on p.project_id = j.project_id and p.job_id = j.id and p.planned_at = due.at
     left join instance i on i.project_id = j.project_id and i.job_id = j.id and i.planned_at = due.at
     group by due.at, p.state, p.reason
     having p.state is distinct from 'started' or count(i) <> 1`,
    [jobName, from, to],
  );
  return rows.map((row) => `a planned second is not one run: ${JSON.stringify(row)}`);
}
