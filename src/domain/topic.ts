/** Topics: names under which notices are published, and the web addresses to which each sends them. */

/** A topic of a project. */
export interface Topic {
  readonly id: number;
  readonly name: string;
  readonly description: string | null;
  readonly createdAt: Date;
  readonly createdBy: string;
  /** In the order in which they were added. */
  readonly targets: readonly TopicTarget[];
}

/** Where a topic sends its notices, as people may see it. */
export interface TopicTarget {
  readonly id: string;
  /** Scheme and host: the rest of the address may be a secret. */
  readonly address: string;
  readonly createdAt: Date;
  readonly createdBy: string;
}

/** A target in clear: where notices are posted to, and what they are signed with. */
export interface Webhook {
  readonly url: string;
  readonly secret: string;
}

export const TOPICS_MAX = 1_000;
export const TARGETS_MAX = 20;
export const TOPIC_DESCRIPTION_MAX = 255;
export const TOPIC_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$/;
const WEBHOOK_URL_MAX = 2_048;
const WEBHOOK_SECRET_MIN = 16;
const WEBHOOK_SECRET_MAX = 256;

/** The name of a topic that holds in all of an installation, as clients of the vendor's notices write it. */
export function topicUrn(region: string, projectId: string, name: string): string {
  return `urn:smn:${region}:${projectId}:${name}`;
}

/** The name in a text that is one, or a URN of the project; undefined for a URN of another. */
export function topicNameOf(text: string, projectId: string): string | undefined {
  if (!text.startsWith("urn:")) return text;
  const [, service, , owner, name] = text.split(":");
  return service === "smn" && owner === projectId ? name : undefined;
}

/** Everything that is wrong with a target; empty when it may be added. */
export function checkWebhook({ url, secret }: Webhook): string[] {
  const problems: string[] = [];
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || (parsed.protocol !== "https:" && parsed.protocol !== "http:"))
    problems.push("url: must be an http or https address");
  else if (parsed.username !== "" || parsed.password !== "")
    problems.push("url: must hold no user name and no password");
  if (url.length > WEBHOOK_URL_MAX) problems.push(`url: is longer than ${WEBHOOK_URL_MAX} characters`);
  if (secret.length < WEBHOOK_SECRET_MIN || secret.length > WEBHOOK_SECRET_MAX)
    problems.push(`secret: must have ${WEBHOOK_SECRET_MIN} to ${WEBHOOK_SECRET_MAX} characters`);
  return problems;
}
