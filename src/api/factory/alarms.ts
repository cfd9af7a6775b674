/** Routes of DataArts Factory v2 about alarms: what was raised, and by which rules (dataarts-factory 5). */
import type { Static } from "typebox";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { listAlarms } from "../../store/alarm-records.ts";
import { listAlarmRules } from "../../store/alarm-rules.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import {
  AlarmInfo,
  AlarmInfoQuery,
  AlarmRules,
  AlarmRulesQuery,
  decodeAlarmSpan,
  decodeRuleFilter,
  encodeAlarm,
  encodeAlarmRules,
} from "./alarm-wire.ts";
import type { FactoryDeps } from "./deps.ts";
import { readPage } from "./request-wire.ts";

export function alarmRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "GET",
      path: "/v2/:project_id/factory/alarm-info",
      role: "reader",
      contract: {
        operation: "list_factory_alarm_info",
        summary: "Lists the alarms that were raised in a span of time, newest first",
        tag: "Alarms",
        query: AlarmInfoQuery,
        replies: { 200: AlarmInfo },
      },
      handle: (request) => list(deps, request, readQuery(AlarmInfoQuery, request.query)),
    },
    {
      method: "GET",
      path: "/v2/:project_id/factory/alarm/rules",
      role: "reader",
      contract: {
        operation: "list_factory_alarm_rules",
        summary: "Lists the alarm rules of a workspace, newest first",
        tag: "Alarms",
        query: AlarmRulesQuery,
        replies: { 200: AlarmRules },
      },
      handle: (request) => listRules(deps, request, readQuery(AlarmRulesQuery, request.query)),
    },
  ];
}

async function list(
  deps: FactoryDeps,
  request: CallerRequest,
  query: Static<typeof AlarmInfoQuery>,
): Promise<Reply> {
  const workspace = workspaceOf(request);
  const span = decodeAlarmSpan(query, deps.now());
  await checkWorkspace(deps.pool, deps, workspace);
  const { alarms, total } = await readPage(query, (page) => listAlarms(deps.pool, workspace, span, page));
  return json(200, { total, alarm_info: alarms.map(encodeAlarm) });
}

async function listRules(
  deps: FactoryDeps,
  request: CallerRequest,
  query: Static<typeof AlarmRulesQuery>,
): Promise<Reply> {
  const workspace = workspaceOf(request);
  const filter = decodeRuleFilter(query);
  await checkWorkspace(deps.pool, deps, workspace);
  const found = await readPage(query, (page) => listAlarmRules(deps.pool, workspace, filter, page));
  return json(200, encodeAlarmRules(found, { region: deps.region, projectId: workspace.projectId }));
}
