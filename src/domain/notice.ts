/** A notice: a message that somebody publishes to a topic, and how long it is tried to be delivered. */

/** What is published. */
export interface NoticeText {
  readonly subject: string;
  readonly message: string;
  /** What else the receiver is told, as members beside the others; never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** In characters. */
export const SUBJECT_MAX = 512;
/** In UTF-8 bytes. */
const MESSAGE_BYTES_MAX = 256 * 1024;
/** Deliveries that wait for one target; what is published beyond them fails at once. */
export const QUEUE_MAX = 10_000;

/** Waits between the tries, in seconds: eight tries within ten and a half hours. */
const RETRY_SECONDS = [10, 60, 300, 900, 3_600, 10_800, 21_600] as const;

/** Everything that is wrong with a notice; empty when it may be published. */
export function checkNotice({ subject, message }: NoticeText): string[] {
  const problems: string[] = [];
  if (subject.trim() === "" || subject.length > SUBJECT_MAX)
    problems.push(`subject: must have 1 to ${SUBJECT_MAX} characters`);
  if (message === "" || Buffer.byteLength(message) > MESSAGE_BYTES_MAX)
    problems.push(`message: must have 1 to ${MESSAGE_BYTES_MAX} bytes`);
  // What a node says may have it; the database takes no text with it.
  if (`${subject}${message}`.includes("\0"))
    problems.push("subject and message must be without the character NUL");
  return problems;
}

/** When a delivery that failed for the `tries`-th time, from 1, is tried again; undefined when it is given up. */
export function nextTryAt(tries: number, now: Date): Date | undefined {
  const seconds = RETRY_SECONDS[tries - 1];
  return seconds === undefined ? undefined : new Date(now.getTime() + seconds * 1_000);
}

/** The text of a mail: the message, then the rest line by line. */
export function noticeMailText(notice: NoticeText, topic: { readonly name: string }): string {
  const facts = Object.entries({ ...notice.detail, topic: topic.name });
  return `${notice.message}\n\n${facts.map(([name, value]) => `${name}: ${value}\n`).join("")}`;
}

/** What a web address is sent; its members are described in docs/notices.md. */
export function noticeBody(
  notice: NoticeText & { readonly id: number; readonly publishedAt: Date },
  topic: { readonly name: string; readonly urn: string },
): string {
  const { id, subject, message, publishedAt, detail } = notice;
  return JSON.stringify({
    ...detail,
    id: String(id),
    topic: topic.name,
    urn: topic.urn,
    subject,
    message,
    publishedAt: publishedAt.toISOString(),
  });
}
