/** Topics: names under which notices are published, and the web and mail addresses to which each sends them. */

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
  /** Of a web address scheme and host: the rest may be a secret. A mail address is shown whole, behind `mailto:`. */
  readonly address: string;
  readonly createdAt: Date;
  readonly createdBy: string;
}

/** A target in clear. */
export type Target = Webhook | Mailbox;

/** Whom notices are mailed to. */
export interface Mailbox {
  readonly mail: string;
}

/** Where notices are posted to, and what they are signed with. */
export interface Webhook {
  readonly url: string;
  readonly secret: string;
}

export const TOPICS_MAX = 1_000;
export const TARGETS_MAX = 20;
export const TOPIC_DESCRIPTION_MAX = 255;
export const TOPIC_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$/;
/** As web pages take them: the living standard of HTML, "Email state". */
const MAIL_ADDRESS =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
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
export function checkTarget(target: Target): string[] {
  if ("url" in target) return checkWebhook(target);
  return isMailAddress(target.mail) ? [] : ["mail: must be one mail address, and nothing else"];
}

/** One address alone: no name, no list, nothing that a mail's head could read otherwise. */
export function isMailAddress(text: string): boolean {
  return text.length <= 254 && MAIL_ADDRESS.test(text);
}

/** What people may see of where a target lies. */
export function shownAddress(target: Target): string {
  return "url" in target ? new URL(target.url).origin : `mailto:${target.mail}`;
}

function checkWebhook({ url, secret }: Webhook): string[] {
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
