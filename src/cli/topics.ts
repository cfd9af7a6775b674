/** `azalai topics`: whom notices go to, what became of them, and publishing one. */
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import type { NoticeView, TopicView } from "../api/console/topic-wire.ts";
import { connectFor, part, wantsJson, wholeNumber } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { formatFacts, formatTable, formatTime, printResult } from "./terminal.ts";

export function addTopicsCommands(program: Command): void {
  const topics = program
    .command("topics")
    .description("notices: list, show, create, delete, add, remove, notices, publish");
  topics.command("list").description("the project's topics").action(listTopics);
  topics.command("show").argument("<name>").description("a topic and its targets").action(showTopic);
  topics
    .command("create")
    .argument("<name>")
    .option("--description <text>", "what it is for")
    .description("makes a topic (manager)")
    .action(createTopic);
  topics
    .command("delete")
    .argument("<name>")
    .description("deletes a topic with all that was published to it (manager)")
    .action(deleteTopic);
  topics
    .command("add")
    .argument("<name>", "the topic")
    .option("--webhook <address>", "a web address that notices are posted to")
    .option("--secret <text>", "what they are signed with; made and shown once when absent")
    .option("--mail <address>", "a mail address, instead of a web address")
    .description("adds a target to a topic (manager)")
    .action(addTarget);
  topics
    .command("remove")
    .argument("<name>", "the topic")
    .argument("<target>", "the target's id, as `topics show` shows it")
    .description("removes a target, and what is on its way to it (manager)")
    .action(removeTarget);
  topics
    .command("notices")
    .argument("<name>", "the topic")
    .option("--limit <n>", "how many", wholeNumber(1), 20)
    .description("what was published last, and what became of it")
    .action(listNotices);
  topics
    .command("publish")
    .argument("<name>", "the topic")
    .argument("<subject>")
    .argument("<message>")
    .description("publishes a notice, such as one to try a target")
    .action(publish);
}

const pathOf = (name: string) => `/api/topics/${part(name)}`;

async function listTopics(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const answer = (await client.send("GET", "/api/topics")) as { readonly topics: readonly TopicView[] };
  printResult(wantsJson(command), answer, () =>
    formatTable(
      ["TOPIC", "TARGETS", "MADE (UTC)", "BY", "DESCRIPTION"],
      answer.topics.map(({ name, targets, createdAt, createdBy, description }) => [
        name,
        targets.length,
        formatTime(createdAt),
        createdBy,
        description,
      ]),
    ),
  );
}

async function showTopic(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const topic = (await client.send("GET", pathOf(name))) as TopicView;
  const facts = () =>
    formatFacts([
      ["topic", topic.name],
      ["urn", topic.urn],
      ["description", topic.description],
    ]);
  const targets = () =>
    formatTable(
      ["TARGET", "ADDRESS", "ADDED (UTC)", "BY"],
      topic.targets.map(({ id, address, createdAt, createdBy }) => [
        id,
        address,
        formatTime(createdAt),
        createdBy,
      ]),
    );
  printResult(wantsJson(command), topic, () => `${facts()}\n\n${targets()}`);
}

async function createTopic(
  name: string,
  { description }: { readonly description?: string },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const body = { name, ...(description !== undefined && { description }) };
  const topic = (await client.send("POST", "/api/topics", { body })) as TopicView;
  printResult(wantsJson(command), topic, () => topic.urn);
}

async function deleteTopic(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", pathOf(name));
  printResult(wantsJson(command), { name, deleted: true }, () => `${name} deleted`);
}

interface TargetOptions {
  readonly webhook?: string;
  readonly secret?: string;
  readonly mail?: string;
}

async function addTarget(name: string, options: TargetOptions, command: Command): Promise<void> {
  const { webhook: url, mail, secret = randomBytes(24).toString("base64url") } = options;
  if ((url === undefined) === (mail === undefined))
    throw new CommandFailure(EXIT.usage, "a target has a --webhook or a --mail");
  const client = await connectFor(command);
  const body = mail === undefined ? { url, secret } : { mail };
  const { id } = (await client.send("POST", `${pathOf(name)}/targets`, { body })) as { readonly id: string };
  const isMade = mail === undefined && options.secret === undefined;
  printResult(wantsJson(command), { id, ...(isMade && { secret }) }, () =>
    isMade ? `${id}\nsecret: ${secret}   (shown this once)` : id,
  );
}

async function removeTarget(
  name: string,
  target: string,
  _options: unknown,
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", `${pathOf(name)}/targets/${part(target)}`);
  printResult(wantsJson(command), { name, target, removed: true }, () => `${target} removed`);
}

async function listNotices(
  name: string,
  { limit }: { readonly limit: number },
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const answer = (await client.send("GET", `${pathOf(name)}/notices`, { query: { limit } })) as {
    readonly notices: readonly NoticeView[];
  };
  printResult(wantsJson(command), answer, () =>
    formatTable(
      ["NOTICE", "PUBLISHED (UTC)", "ADDRESS", "STATE", "TRIES", "NEXT (UTC)", "SUBJECT", "ERROR"],
      answer.notices.flatMap(({ id, publishedAt, subject, deliveries }) =>
        deliveries.length === 0
          ? [[id, formatTime(publishedAt), undefined, "no targets", 0, undefined, subject, undefined]]
          : deliveries.map(({ address, state, tries, nextAt, error }) => [
              id,
              formatTime(publishedAt),
              address,
              state,
              tries,
              formatTime(nextAt),
              subject,
              error,
            ]),
      ),
    ),
  );
}

async function publish(
  name: string,
  subject: string,
  message: string,
  _options: unknown,
  command: Command,
): Promise<void> {
  const client = await connectFor(command);
  const body = { subject, message };
  const answer = (await client.send("POST", `${pathOf(name)}/notices`, { body })) as {
    readonly targets: number;
  };
  const { targets } = answer;
  printResult(
    wantsJson(command),
    answer,
    () => `on its way to ${targets} ${targets === 1 ? "target" : "targets"}`,
  );
}
