/** The console's API about topics: what there is, where each sends its notices, and what became of these. */
import {
  addTarget,
  createTopic,
  getTopic,
  publish,
  removeTarget,
  removeTopic,
  type TopicDeps,
} from "../../catalog/topics.ts";
import { invalid } from "../../domain/fault.ts";
import { listNotices } from "../../store/notices.ts";
import { listTopics } from "../../store/topics.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { numberOf } from "./query-wire.ts";
import { decode, decodeTarget, encodeNotice, encodeTopic, NoticeBody, TopicBody } from "./topic-wire.ts";

export interface TopicRouteDeps extends TopicDeps {
  /** A part of each topic's URN. */
  readonly region: string;
  /** Whether mail is sent at all. */
  readonly mails: boolean;
  /** There may be something to deliver. */
  readonly noticesPublished: () => void;
}

const TOPICS = "/api/topics";
const TOPIC = `${TOPICS}/:topic`;
const NOTICES_DEFAULT = 50;
const NOTICES_MAX = 1_000;
/** Above the longest message, escaped. */
const NOTICE_BYTES_MAX = 2 * 1024 * 1024;

export function topicRoutes(deps: TopicRouteDeps): Route[] {
  return [
    { method: "GET", path: TOPICS, role: "reader", handle: (request) => list(deps, request) },
    { method: "POST", path: TOPICS, role: "manager", handle: (request) => create(deps, request) },
    { method: "GET", path: TOPIC, role: "reader", handle: (request) => show(deps, request) },
    { method: "DELETE", path: TOPIC, role: "manager", handle: (request) => remove(deps, request) },
    { method: "POST", path: `${TOPIC}/targets`, role: "manager", handle: (request) => add(deps, request) },
    {
      method: "DELETE",
      path: `${TOPIC}/targets/:target_id`,
      role: "manager",
      handle: (request) => removeOne(deps, request),
    },
    { method: "GET", path: `${TOPIC}/notices`, role: "reader", handle: (request) => listOf(deps, request) },
    {
      method: "POST",
      path: `${TOPIC}/notices`,
      role: "member",
      bodyBytesMax: NOTICE_BYTES_MAX,
      handle: (request) => send(deps, request),
    },
  ];
}

async function list({ pool, region }: TopicRouteDeps, { caller }: CallerRequest): Promise<Reply> {
  const { projectId } = caller;
  const topics = await listTopics(pool, projectId);
  return json(200, { topics: topics.map((topic) => encodeTopic(topic, { region, projectId })) });
}

async function create(deps: TopicRouteDeps, { caller, body }: CallerRequest): Promise<Reply> {
  const { name, description = null } = decode(TopicBody, body, "topic-invalid");
  await createTopic(deps, caller, { name, description });
  const { projectId } = caller;
  const topic = await getTopic(deps, projectId, name);
  return json(201, encodeTopic(topic, { region: deps.region, projectId }));
}

async function show(deps: TopicRouteDeps, request: CallerRequest): Promise<Reply> {
  const { projectId } = request.caller;
  const topic = await getTopic(deps, projectId, nameOf(request));
  return json(200, encodeTopic(topic, { region: deps.region, projectId }));
}

async function remove(deps: TopicRouteDeps, request: CallerRequest): Promise<Reply> {
  await removeTopic(deps, request.caller, nameOf(request));
  return NO_CONTENT;
}

async function add(deps: TopicRouteDeps, request: CallerRequest): Promise<Reply> {
  const { name } = await getTopic(deps, request.caller.projectId, nameOf(request));
  const target = decodeTarget(request.body);
  if ("mail" in target && !deps.mails)
    invalid("topic-invalid", ["mail: this server sends none; its administrator sets AZALAI_SMTP_URL"]);
  return json(201, { id: await addTarget(deps, request.caller, name, target) });
}

async function removeOne(deps: TopicRouteDeps, request: CallerRequest): Promise<Reply> {
  await removeTarget(deps, request.caller, nameOf(request), request.params.target_id ?? "");
  return NO_CONTENT;
}

async function listOf(deps: TopicRouteDeps, request: CallerRequest): Promise<Reply> {
  const limit = numberOf(request.query, "limit") ?? NOTICES_DEFAULT;
  if (limit < 1 || limit > NOTICES_MAX) invalid("request-invalid", [`limit: must be 1 to ${NOTICES_MAX}`]);
  const { projectId } = request.caller;
  const { id } = await getTopic(deps, projectId, nameOf(request));
  return json(200, { notices: (await listNotices(deps.pool, projectId, id, limit)).map(encodeNotice) });
}

/** What somebody publishes by hand: to try a target, or from a program of theirs. */
async function send(deps: TopicRouteDeps, request: CallerRequest): Promise<Reply> {
  const { projectId } = request.caller;
  const topic = await getTopic(deps, projectId, nameOf(request));
  const notice = decode(NoticeBody, request.body, "notice-invalid");
  const targets = await publish(deps, projectId, { ...notice, topic: topic.name, key: `call/${request.id}` });
  deps.noticesPublished();
  return json(201, { targets });
}

function nameOf({ params }: CallerRequest): string {
  return params.topic ?? "";
}
