/** Older spellings in job definitions, and the names that every other file knows (dataarts-factory 4.1, Aliases). */
import { isObject, type WireObject } from "./request-wire.ts";

/** The definition with its present names beside older ones; a present name that was given wins. */
export function withCanonicalNames(job: WireObject): WireObject {
  const named = withAliases(job, { processType: job.jobType });
  return {
    ...named,
    ...(isObject(job.schedule) && { schedule: withScheduleNames(job.schedule) }),
    ...(Array.isArray(job.nodes) && { nodes: job.nodes.map(withNodeNames) }),
    ...(Array.isArray(job.params) && { params: job.params.map(withParameterNames) }),
  };
}

/** A parameter with its type under its present name. */
export function withParameterNames(parameter: unknown): unknown {
  return isObject(parameter) ? withAliases(parameter, { type: parameter.paramType }) : parameter;
}

function withScheduleNames(schedule: WireObject): WireObject {
  const named = withAliases(schedule, { type: schedule.scheType });
  return isObject(schedule.cron) ? { ...named, cron: withCronNames(schedule.cron) } : named;
}

function withCronNames(cron: WireObject): WireObject {
  return withAliases(cron, { dependPrePeriod: cron["dependPrePeriod."] });
}

function withNodeNames(node: unknown): unknown {
  if (!isObject(node)) return node;
  const named = withAliases(node, {
    type: node.nodeType,
    preNodeName: namesIn(node.preNodeNames),
    conditions: node.condition,
    properties: propertiesIn(node.nodeProperties),
  });
  return isObject(node.cronTrigger) ? { ...named, cronTrigger: withCronNames(node.cronTrigger) } : named;
}

function withAliases(object: WireObject, aliases: WireObject): WireObject {
  const missing = Object.entries(aliases).filter(
    ([name, value]) => value !== undefined && value !== null && (object[name] ?? null) === null,
  );
  return missing.length === 0 ? object : { ...object, ...Object.fromEntries(missing) };
}

/** `a, b` as a list of names; anything but a text stays, to be refused by the schema. */
function namesIn(names: unknown): unknown {
  if (typeof names !== "string") return names;
  return names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** Properties written as JSON text; a text that is no JSON stays, to be refused by the schema. */
function propertiesIn(properties: unknown): unknown {
  if (typeof properties !== "string") return properties;
  if (properties.trim() === "") return [];
  try {
    return JSON.parse(properties);
  } catch (error) {
    if (error instanceof SyntaxError) return properties;
    throw error;
  }
}
