/** Notices of this server: what raises alarms, what takes notices from the outbox, and what posts them. */
import { openTarget, publish, type TopicDeps } from "../catalog/topics.ts";
import type { Config } from "../config.ts";
import { noticeBody } from "../domain/notice.ts";
import type { Observe } from "../domain/observation.ts";
import { topicUrn } from "../domain/topic.ts";
import { createAlarmTimeLoop } from "../engine/alarm-times.ts";
import { createJobAlarmLoop } from "../engine/job-alarms.ts";
import { createNoticeLoop } from "../engine/notices.ts";
import type { WorkSources } from "../engine/sources.ts";
import { createWebhookSender } from "../operators/webhook.ts";

export interface Notices extends Pick<WorkSources, "publish"> {
  /** There may be something to deliver. */
  readonly wake: () => void;
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
  const loop = createNoticeLoop({
    pool,
    now,
    observe,
    send: async (delivery, signal) => {
      const { projectId, noticeId: id, topic: name } = delivery;
      const urn = topicUrn(region, projectId, name);
      const body = noticeBody({ ...delivery, id }, { name, urn });
      await sendWebhook({ ...openTarget(catalog, delivery), id: String(id), body }, signal);
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
    publish: async (projectId, notice) => {
      const targets = await publish(catalog, projectId, notice);
      loop.wake();
      return targets;
    },
  };
}
