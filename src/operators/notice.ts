/** `SMN`: publishes a notice to a topic of the project (dataarts-factory 4.2). */
import { refuse, requireProperty, settleAttempt } from "./command.ts";
import type { Operator, Outcome, Work, WorkContext } from "./operator.ts";

export function createNoticeOperator(): Operator {
  return {
    types: ["SMN"],
    lane: "process",
    run: (work, context) => settleAttempt(context.signal, () => publish(work, context)),
  };
}

async function publish(work: Work, context: WorkContext): Promise<Outcome> {
  const topic = requireProperty(work, "topic").trim();
  const subject = requireProperty(work, "subject");
  const message = requireProperty(work, "message");
  const refused = refuseMessage(work.properties.messageType ?? "NORMAL", message);
  if (refused !== undefined) return refuse(refused);
  const { workspaceId, instanceId, nodeName } = work;
  const detail = { workspace: workspaceId, instanceId, node: nodeName };
  const targets = await context.publish(topic, { subject, message, detail });
  context.log(`published to "${topic}", which has ${targets} ${targets === 1 ? "target" : "targets"}\n`);
  return { state: "succeeded" };
}

/** Why a message of that type cannot be published; undefined when it can. */
function refuseMessage(type: string, message: string): string | undefined {
  switch (type.toUpperCase()) {
    case "NORMAL":
      return undefined;
    case "STRUCTURE":
      return isObject(message) ? undefined : "A message of the type STRUCTURE must be a JSON object.";
    case "TEMPLATE":
      return "Message templates are not kept here: write the message itself, with messageType NORMAL.";
    default:
      return `The messageType ${type} is none of NORMAL, STRUCTURE, TEMPLATE.`;
  }
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
