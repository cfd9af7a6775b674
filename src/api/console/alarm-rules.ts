/** The console's API about alarm rules: who is told of which ends of runs. */
import { removeAlarmRule, saveAlarmRule } from "../../catalog/alarm-rules.ts";
import { checkWorkspace, type WorkspaceDeps } from "../../catalog/workspaces.ts";
import { ALARM_RULES_MAX } from "../../domain/job-alarm.ts";
import { listAlarmRules } from "../../store/alarm-rules.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import { decodeAlarmRule, encodeAlarmRule } from "./alarm-rule-wire.ts";

const RULES = "/api/alarm-rules";

export function alarmRuleRoutes(deps: WorkspaceDeps): Route[] {
  return [
    { method: "GET", path: RULES, role: "reader", handle: (request) => list(deps, request) },
    { method: "POST", path: RULES, role: "manager", handle: (request) => save(deps, request) },
    { method: "DELETE", path: `${RULES}/:name`, role: "manager", handle: (request) => remove(deps, request) },
  ];
}

async function list(deps: WorkspaceDeps, request: CallerRequest): Promise<Reply> {
  const key = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, key);
  const { rules } = await listAlarmRules(deps.pool, key, {}, { offset: 0, limit: ALARM_RULES_MAX });
  return json(200, { rules: rules.map(encodeAlarmRule) });
}

async function save(deps: WorkspaceDeps, request: CallerRequest): Promise<Reply> {
  await saveAlarmRule(deps, request.caller, workspaceOf(request), decodeAlarmRule(request.body));
  return NO_CONTENT;
}

async function remove(deps: WorkspaceDeps, request: CallerRequest): Promise<Reply> {
  await removeAlarmRule(deps, request.caller, workspaceOf(request), request.params.name ?? "");
  return NO_CONTENT;
}
