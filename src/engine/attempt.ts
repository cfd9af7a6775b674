/** One attempt at a node: prepares its work, runs the operator within its time, and says how it is to be settled. */
import type { CredentialedPlace } from "../domain/data-source.ts";
import type { JobNode } from "../domain/job.ts";
import { type KeepRules, keepRulesOf } from "../domain/kept-alive.ts";
import type { NoticeText } from "../domain/notice.ts";
import { createSecretMask } from "../domain/secret-mask.ts";
import {
  type AbortReason,
  type ChildJobs,
  type Operator,
  OUTPUT_BYTES_MAX,
  type Outcome,
  type ResumePoints,
  type Submissions,
  type Work,
  type WorkContext,
} from "../operators/operator.ts";
import type { BlobStore } from "../store/blobs.ts";
import type { Claim } from "../store/node-runs.ts";
import type { AttemptLog } from "./attempt-log.ts";
import { startTimeLimit, startTimer } from "./attempt-time.ts";
import type { InstanceFacts, OperatorIndex } from "./definitions.ts";
import { type Exit, isKeptAlive } from "./kept-alive.ts";
import { copyLog } from "./log-copies.ts";
import { missingOperator } from "./missing-operator.ts";
import type { Settlement } from "./settle.ts";
import type { WorkSources } from "./sources.ts";
import type { SubmittingAttempt } from "./submissions.ts";
import type { PrepareWork } from "./work.ts";

/** Longest message that is kept with an attempt, in UTF-8 bytes; the log has the rest. */
const MESSAGE_BYTES_MAX = 4_000;

/** Part of a retry's delay that chance adds, so that nodes which fell together do not rise together. */
const JITTER = 0.1;

export interface AttemptDeps {
  readonly operators: OperatorIndex;
  readonly sources: WorkSources;
  readonly prepare: PrepareWork;
  readonly childrenOf: (claim: Claim, facts: InstanceFacts, signal: AbortSignal) => ChildJobs;
  readonly submissionsOf: (attempt: SubmittingAttempt) => Submissions;
  readonly resumeOf: (facts: InstanceFacts, node: JobNode) => ResumePoints | undefined;
  /** Whether its instance is paused at this moment. */
  readonly isPaused: (claim: Claim) => Promise<boolean>;
  readonly openLog: (claim: Claim) => AttemptLog;
  /** Where logs lie. */
  readonly blobs: BlobStore;
  readonly now: () => Date;
  readonly random: () => number;
  /** A kept node has lived long enough: those behind it may begin. */
  readonly onUp: (claim: Claim, signal: AbortSignal) => void;
  /** Puts a node's trigger into operation, where its job is in operation still. */
  readonly openTrigger: (facts: InstanceFacts, node: JobNode) => Promise<void>;
}

/**
 * Runs the attempt to its end. `abort` ends it early, with an `AbortReason`. Undefined: it was lost, and somebody else
 * settles it.
 */
export async function runAttempt(
  deps: AttemptDeps,
  claim: Claim,
  facts: InstanceFacts | undefined,
  abort: AbortController,
): Promise<Settlement | Exit | undefined> {
  const node = facts?.pinned?.nodes[claim.nodeNo];
  if (facts === undefined || facts.pinned === undefined || node === undefined)
    return {
      type: "failed",
      claim,
      policy: "fail",
      nodeName: `${claim.nodeNo}`,
      message: "its definition is gone",
    };
  if (isDryRun(facts, node)) return { type: "succeeded", claim, message: "dry run: nothing was done" };
  const began = deps.now();
  const keep = isKeptAlive(facts)
    ? keepRulesOf(facts.pinned.definition.settings, node.properties)
    : undefined;
  const outcome = await outcomeOf(deps, { claim, facts, node, keep }, abort);
  if (outcome === "skipped") return { type: "skipped", claim };
  const reason: AbortReason | undefined = abort.signal.aborted ? abort.signal.reason : undefined;
  if (reason === "lost") return undefined;
  if (reason === "drain" && outcome.state !== "succeeded")
    return {
      type: "retried",
      claim,
      outcome: "stopped",
      readyAt: deps.now(),
      triesAdded: 0,
      message: "its server stopped",
    };
  if (reason === "stop" && outcome.state !== "succeeded")
    return { type: "cancelled", claim, ...resultOf(outcome) };
  if (keep !== undefined) {
    const well = outcome.state === "succeeded";
    return { type: "exited", claim, ...resultOf(outcome), rules: keep, began, well, random: deps.random() };
  }
  if (outcome.state === "succeeded") return { type: "succeeded", claim, ...resultOf(outcome) };
  return settleFailure(deps, { claim, node }, outcome, reason === "timeout");
}

/** The job's word (`emptyRunningJob`), or the node's own. Source: dataarts-factory 4.1 and 4.2. */
function isDryRun({ pinned }: InstanceFacts, { properties }: JobNode): boolean {
  return pinned?.definition.dryRun === true || ["1", "true"].includes(properties.emptyRunningJob ?? "");
}

interface AttemptParts {
  readonly claim: Claim;
  readonly facts: InstanceFacts;
  readonly node: JobNode;
  /** Undefined for a node that ends by itself. */
  readonly keep: KeepRules | undefined;
}

async function outcomeOf(
  deps: AttemptDeps,
  { claim, facts, node, keep }: AttemptParts,
  abort: AbortController,
): Promise<Outcome | "skipped"> {
  const operator = deps.operators.get(node.type);
  const log = deps.openLog(claim);
  let endTimer = (): void => undefined;
  try {
    if (keep !== undefined && node.trigger !== undefined)
      return await holdTrigger(deps, { claim, facts, node, keep }, abort.signal);
    const work = await deps.prepare({ claim, facts, node, operator });
    if (work === "skip") return "skipped";
    if (operator === undefined)
      return { state: "failed", permanent: true, message: missingOperator(node.type) };
    // A stop that came while the work was prepared.
    if (abort.signal.aborted) return { state: "cancelled" };
    const limitMs = node.timeoutSeconds * 1000;
    const limit = (ms: number) =>
      startTimeLimit(ms, {
        // What it only waits for is paused with it.
        isPaused: async () => claim.lane === "child" && (await deps.isPaused(claim)),
        onOver: () => abort.abort("timeout"),
      });
    endTimer =
      keep === undefined ? limit(limitMs) : startTimer(() => deps.onUp(claim, abort.signal), keep.upMs);
    const resume = deps.resumeOf(facts, node);
    const context = {
      signal: abort.signal,
      log: log.append,
      background: facts.instance.background,
      buckets: deps.sources.buckets(work.projectId, abort.signal, credentialedPlaces(work)),
      children: deps.childrenOf(claim, facts, abort.signal),
      submissions: deps.submissionsOf({
        claim,
        signal: abort.signal,
        flushed: log.flushed,
        onBegun: (at: Date) => {
          // The time of what an earlier try began on a cluster goes on.
          if (keep !== undefined) return;
          endTimer();
          endTimer = limit(Math.max(0, limitMs - (deps.now().getTime() - at.getTime())));
        },
      }),
      publish: (topic: string, notice: NoticeText) =>
        deps.sources.publish(work.projectId, { ...notice, topic, key: `node/${work.idempotencyKey}` }),
      ...(resume !== undefined && { resume }),
      ...(keep !== undefined && { stopGraceMs: keep.stopGraceMs }),
    };
    return await runMasked(operator, work, context);
  } catch (error) {
    return { state: "failed", message: messageOf(error) };
  } finally {
    endTimer();
    await copyForJob(deps, log, { claim, facts, node });
    await log.close();
  }
}

async function copyForJob(
  { blobs, sources }: AttemptDeps,
  log: AttemptLog,
  { claim, facts, node }: Pick<AttemptParts, "claim" | "facts" | "node">,
): Promise<void> {
  const folder = facts.pinned?.definition.logPath;
  if (folder === undefined) return;
  const copy = { key: claim, folder, jobName: facts.instance.jobName, nodeName: node.name };
  await copyLog({ blobs, buckets: sources.buckets(claim.projectId) }, log, copy);
}

/** A trigger lives as long as its job is in operation: what it starts are runs of its own. */
async function holdTrigger(
  deps: AttemptDeps,
  { claim, facts, node }: AttemptParts,
  signal: AbortSignal,
): Promise<Outcome> {
  await deps.openTrigger(facts, node);
  deps.onUp(claim, signal);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  return { state: "cancelled" };
}

function credentialedPlaces({ places }: Work): CredentialedPlace[] {
  const all = [places?.input, places?.output, ...(places?.named ?? [])];
  return all.flatMap((place) =>
    place?.credentials === undefined ? [] : [{ url: place.url, credentials: place.credentials }],
  );
}

/** What it logs and leaves behind shows no secret of its connections, its cluster, its data sources and its settings. */
async function runMasked(operator: Operator, work: Work, context: WorkContext): Promise<Outcome> {
  const named = [work.connection, work.sourceConnection, work.targetConnection];
  const mask = createSecretMask(
    ...named.flatMap((connection) => (connection === undefined ? [] : [connection.config])),
    ...(work.secrets ?? []).map((secret) => ({ secret })),
    ...Object.values(work.cluster?.services ?? {}),
  );
  if (mask === undefined) return await runOperator(operator, work, context);
  const covered = mask.open();
  const log = (chunk: string | Uint8Array) => context.log(covered.push(chunk));
  const outcome = await runOperator(operator, work, { ...context, log });
  context.log(covered.end());
  return {
    ...outcome,
    ...(outcome.message !== undefined && { message: mask.cover(outcome.message) }),
    ...("output" in outcome && outcome.output !== undefined && { output: mask.cover(outcome.output) }),
  };
}

async function runOperator(operator: Operator, work: Work, context: WorkContext): Promise<Outcome> {
  try {
    return await operator.run(work, context);
  } catch (error) {
    const message = messageOf(error);
    context.log(`${message}\n`);
    return { state: "failed", message };
  }
}

function settleFailure(
  { now, random }: Pick<AttemptDeps, "now" | "random">,
  { claim, node }: { readonly claim: Claim; readonly node: JobNode },
  outcome: Exclude<Outcome, { readonly state: "succeeded" }>,
  timedOut: boolean,
): Settlement {
  const said = resultOf(outcome);
  const message = timedOut
    ? `it took longer than ${node.timeoutSeconds} s`
    : (said.message ?? "it was cancelled");
  const result = { ...said, message };
  const permanent = outcome.state === "failed" && outcome.permanent === true;
  const again = timedOut ? node.retryOnTimeout : !permanent;
  if (!again || claim.tries >= node.retriesMax)
    return { type: "failed", claim, policy: node.failPolicy, nodeName: node.name, ...result };
  return {
    type: "retried",
    claim,
    outcome: timedOut ? "timed-out" : "failed",
    readyAt: new Date(now().getTime() + Math.round(node.retryDelaySeconds * 1000 * (1 + JITTER * random()))),
    triesAdded: 1,
    ...result,
  };
}

function resultOf(outcome: Outcome): { exitCode?: number; message?: string; output?: string } {
  return {
    ...("exitCode" in outcome && outcome.exitCode !== undefined && { exitCode: outcome.exitCode }),
    ...(outcome.message !== undefined && { message: keepable(outcome.message, MESSAGE_BYTES_MAX) }),
    ...("output" in outcome &&
      outcome.output !== undefined && { output: keepable(outcome.output, OUTPUT_BYTES_MAX) }),
  };
}

/** Cut at a border between characters; PostgreSQL's text takes no zero character. */
function keepable(text: string, bytesMax: number): string {
  const clean = text.replaceAll("\0", "");
  if (Buffer.byteLength(clean) <= bytesMax) return clean;
  const bytes = Buffer.from(clean).subarray(0, bytesMax);
  return new TextDecoder().decode(bytes, { stream: true });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
