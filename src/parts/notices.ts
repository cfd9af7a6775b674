/** Notices of this server: what raises alarms, what takes notices from the outbox, and what posts or mails them. */
import { openTarget, publish, type TopicDeps } from "../catalog/topics.ts";
import type { Config } from "../config.ts";
import { Fault } from "../domain/fault.ts";
import { noticeBody, noticeMailText } from "../domain/notice.ts";
import type { Observe } from "../domain/observation.ts";
import { topicUrn } from "../domain/topic.ts";
import { createAlarmTimeLoop } from "../engine/alarm-times.ts";
import { createJobAlarmLoop } from "../engine/job-alarms.ts";
import { createNoticeLoop } from "../engine/notices.ts";
import type { WorkSources } from "../engine/sources.ts";
import { createMailSender, type SendMail } from "../operators/mail.ts";
import { createWebhookSender } from "../operators/webhook.ts";

export interface Notices extends Pick<WorkSources, "publish"> {
  /** There may be something to deliver. */
  readonly wake: () => void;
  /** Whether this server sends mail. */
  readonly mails: boolean;
}

export interface NoticeSurroundings {
  readonly catalog: TopicDeps;
  readonly observe: Observe;
  /** What ends each part, in the order of their beginnings. */
  readonly undo: (() => Promise<unknown>)[];
}

/** Any server publishes; those that plan also raise alarms and deliver, as soon as this returns. */
export function startNotices(config: Config, { catalog, observe, undo }: NoticeSurroundings): Notices {
  const { pool, now } = catalog;
  const { region, allowedPrivateAddresses: allowedAddresses } = config;
  const sendWebhook = createWebhookSender({ allowedAddresses, now });
  const sendMail = config.mail === undefined ? refuseMail : createMailSender(config.mail);
  const loop = createNoticeLoop({
    pool,
    now,
    observe,
    send: async (delivery, signal) => {
      const { projectId, noticeId, targetId, topic: name } = delivery;
      const id = String(noticeId);
      const target = openTarget(catalog, delivery);
      if ("mail" in target) {
        const { subject, publishedAt: at } = delivery;
        const text = noticeMailText(delivery, { name });
        await sendMail({ to: target.mail, subject, text, at, noticeId: id, targetId }, signal);
      } else {
        const body = noticeBody(
          { ...delivery, id: noticeId },
          { name, urn: topicUrn(region, projectId, name) },
        );
        await sendWebhook({ ...target, id, body }, signal);
      }
    },
  });
  const deps = { pool, now, observe, onPublished: loop.wake };
  if (config.roles.includes("scheduler"))
    for (const one of [loop, createJobAlarmLoop(deps), createAlarmTimeLoop(deps)]) {
      one.start();
      undo.push(one.stop);
    }
  return {
    wake: loop.wake,
    mails: config.mail !== undefined,
    publish: async (projectId, notice) => {
      const targets = await publish(catalog, projectId, notice);
      loop.wake();
      return targets;
    },
  };
}

/** The target was added while another setting held, or by a server that has another. */
const refuseMail: SendMail = async () => {
  throw new Fault(
    "unavailable",
    "server-unavailable",
    "this server sends no mail: AZALAI_SMTP_URL is not set",
  );
};
