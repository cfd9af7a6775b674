/** The console's API about event sources: where each stands, and letting a paused one go on. */
import { missing } from "../../domain/fault.ts";
import { closedWorkspaces } from "../../domain/user.ts";
import type { Engine } from "../../engine/operations.ts";
import type { Database } from "../../store/database.ts";
import { listEventSources } from "../../store/event-sources.ts";
import { json, NO_CONTENT, type Route } from "../route.ts";
import { encodeEventSources } from "./event-source-wire.ts";

export interface EventSourceDeps {
  readonly pool: Database;
  readonly engine: Pick<Engine, "resumeEvents">;
}

const LISTED_MAX = 1000;

export function eventSourceRoutes({ pool, engine }: EventSourceDeps): Route[] {
  return [
    {
      method: "GET",
      path: "/api/event-sources",
      role: "reader",
      scope: "project",
      handle: async ({ caller }) => {
        const filter = { closedWorkspaces: closedWorkspaces(caller) };
        return json(
          200,
          encodeEventSources(await listEventSources(pool, caller.projectId, LISTED_MAX, filter)),
        );
      },
    },
    {
      method: "POST",
      path: "/api/event-sources/:job_id/resume",
      role: "member",
      handle: async ({ caller: { projectId, userName: by }, params }) => {
        await engine.resumeEvents({ projectId, jobId: jobIdOf(params.job_id), by });
        return NO_CONTENT;
      },
    },
  ];
}

function jobIdOf(text = ""): number {
  const id = Number(text);
  if (/^\d{1,15}$/.test(text)) return id;
  missing("event-source-missing", `there is no job ${text}`);
}
