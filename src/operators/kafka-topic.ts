/** Reads Kafka's topics on from places that others keep: no consumer group, no commits to the cluster. */
import type { Connection, fetchV13, RecordsBatch } from "@platformatic/kafka";
import { Fault } from "../domain/fault.ts";
import { createAddressGuard } from "./address-guard.ts";
import {
  type BrokerConnections,
  createBrokerConnections,
  explained,
  type KafkaPackage,
  loadKafka,
} from "./kafka-connection.ts";
import type { TopicBatch, TopicMessage, TopicOffsets, TopicReader, WorkConnection } from "./operator.ts";

/** Gives readers of topics; messages that a transaction has not committed are not seen. */
export function createTopicReaders(settings: { readonly allowedAddresses: readonly string[] }) {
  const guard = createAddressGuard(settings.allowedAddresses);
  return async (connection: WorkConnection, topic: string): Promise<TopicReader> => {
    const kafka = await loadKafka();
    const connections = createBrokerConnections(kafka, guard, connection);
    try {
      const layout = await layOut(kafka, connections, topic);
      return inWords(kafka, createReader({ kafka, connections, topic, layout }));
    } catch (error) {
      await connections.close();
      throw explained(kafka, error);
    }
  };
}

function inWords(kafka: KafkaPackage, reader: TopicReader): TopicReader {
  const explain = (error: unknown): never => {
    throw explained(kafka, error);
  };
  return {
    ends: () => reader.ends().catch(explain),
    read: (from, bounds) => reader.read(from, bounds).catch(explain),
    close: reader.close,
  };
}

/** Where the partitions of a topic are led. */
interface Layout {
  readonly topicId: string;
  readonly leaders: ReadonlyMap<number, Connection>;
}

interface ReaderParts {
  readonly kafka: KafkaPackage;
  readonly connections: BrokerConnections;
  readonly topic: string;
  readonly layout: Layout;
}

const COMMITTED = 1;
const LATEST = -1n;
const EARLIEST = -2n;
const ANY_EPOCH = -1;
const NO_SESSION = { id: 0, epoch: -1 };
const FETCH_BYTES_MAX = 4 * 1024 * 1024;
const PARTITION_BYTES_MAX = 1024 * 1024;

async function layOut(kafka: KafkaPackage, connections: BrokerConnections, topic: string): Promise<Layout> {
  const asked = await kafka.metadataV12.api.async(await connections.first(), [topic], false, false);
  const found = asked.topics.find(({ name }) => name === topic);
  if (found === undefined)
    throw new Fault("not-found", "reference-invalid", `The cluster has no topic "${topic}" for this user.`);
  const leaders = new Map<number, Connection>();
  for (const { partitionIndex, leaderId } of found.partitions) {
    const broker = asked.brokers.find(({ nodeId }) => nodeId === leaderId);
    if (broker === undefined)
      throw new Fault("unavailable", "server-unavailable", `Partition ${partitionIndex} has no leader.`);
    leaders.set(partitionIndex, await connections.to(broker));
  }
  return { topicId: found.topicId, leaders };
}

function createReader(parts: ReaderParts): TopicReader {
  return {
    ends: () => listOffsets(parts, LATEST),
    read: async (from, { most, waitMs }) => {
      const offsets = await completed(parts, from);
      try {
        return gather(await fetchAll(parts, offsets, waitMs), offsets, most);
      } catch (error) {
        if (!isOutOfRange(parts.kafka, error)) throw error;
        const inRange = await withinRange(parts, offsets);
        return gather(await fetchAll(parts, inRange, waitMs), inRange, most);
      }
    },
    close: parts.connections.close,
  };
}

/** With the beginnings of partitions that are new. */
async function completed(parts: ReaderParts, from: TopicOffsets): Promise<TopicOffsets> {
  const fresh = [...parts.layout.leaders.keys()].filter((partition) => from[partition] === undefined);
  return fresh.length === 0 ? from : { ...(await listOffsets(parts, EARLIEST)), ...from };
}

function isOutOfRange(kafka: KafkaPackage, error: unknown): boolean {
  if (!(error instanceof kafka.MultipleErrors)) return false;
  return error.errors.some(
    (one) => one instanceof kafka.ProtocolError && one.apiId === "OFFSET_OUT_OF_RANGE",
  );
}

/** Messages that the cluster has deleted are passed over; a topic that was made anew is read from its beginning. */
async function withinRange(parts: ReaderParts, offsets: TopicOffsets): Promise<TopicOffsets> {
  const [first, last] = [await listOffsets(parts, EARLIEST), await listOffsets(parts, LATEST)];
  const entries = Object.entries(offsets).map(([partition, offset]) => {
    const [low, high] = [BigInt(first[partition] ?? 0), BigInt(last[partition] ?? 0)];
    const at = BigInt(offset);
    return [partition, String(at < low || at > high ? low : at)];
  });
  return Object.fromEntries(entries);
}

async function listOffsets({ kafka, topic, layout }: ReaderParts, timestamp: bigint): Promise<TopicOffsets> {
  const asked = byLeader(layout).map(async ([connection, partitions]) => {
    const request = partitions.map((partitionIndex) => ({
      partitionIndex,
      currentLeaderEpoch: ANY_EPOCH,
      timestamp,
    }));
    const reply = await kafka.listOffsetsV7.api.async(connection, -1, COMMITTED, [
      { name: topic, partitions: request },
    ]);
    return reply.topics.flatMap((one) => one.partitions);
  });
  const found = (await Promise.all(asked)).flat();
  return Object.fromEntries(found.map(({ partitionIndex, offset }) => [partitionIndex, String(offset)]));
}

async function fetchAll(
  { kafka, layout }: ReaderParts,
  offsets: TopicOffsets,
  waitMs: number,
): Promise<fetchV13.FetchResponse[]> {
  const { topicId } = layout;
  // Each waits for itself, so that one leader's silence holds nobody's messages back for longer than the wait.
  const asked = byLeader(layout).map(async ([connection, partitions]) => {
    const request = partitions.map(
      (partition): fetchV13.FetchRequestPartition => ({
        partition,
        currentLeaderEpoch: ANY_EPOCH,
        fetchOffset: BigInt(offsets[partition] ?? 0),
        lastFetchedEpoch: ANY_EPOCH,
        partitionMaxBytes: PARTITION_BYTES_MAX,
      }),
    );
    return await kafka.fetchV13.api.async(
      connection,
      waitMs,
      1,
      FETCH_BYTES_MAX,
      COMMITTED,
      NO_SESSION.id,
      NO_SESSION.epoch,
      [{ topicId, partitions: request }],
      [],
      "",
    );
  });
  return await Promise.all(asked);
}

function byLeader({ leaders }: Layout): [Connection, number[]][] {
  const groups = Map.groupBy(leaders, ([, connection]) => connection);
  return [...groups].map(([connection, entries]) => [connection, entries.map(([partition]) => partition)]);
}

/** The first `most` messages, partition after partition, and where to go on behind them. */
function gather(replies: readonly fetchV13.FetchResponse[], offsets: TopicOffsets, most: number): TopicBatch {
  const messages: TopicMessage[] = [];
  const next: Record<string, string> = { ...offsets };
  let behind = 0n;
  const partitions = replies.flatMap(({ responses }) => responses.flatMap((one) => one.partitions));
  for (const { partitionIndex, records, abortedTransactions, lastStableOffset } of partitions) {
    const from = BigInt(offsets[partitionIndex] ?? 0);
    const read = readBatches(records ?? [], from, abortedTransactions ?? []);
    const taken = read.messages.slice(0, Math.max(0, most - messages.length));
    messages.push(...taken);
    const last = taken.at(-1);
    const all = taken.length === read.messages.length;
    const at = all ? read.next : last === undefined ? from : last.offset + 1n;
    next[partitionIndex] = String(at);
    if (lastStableOffset > at) behind += lastStableOffset - at;
  }
  return { messages, offsets: next, behind: Number(behind) };
}

interface Aborted {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** Messages from `from` on that count, and the offset behind all that was read. */
function readBatches(
  batches: readonly RecordsBatch[],
  from: bigint,
  aborted: readonly Aborted[],
): { readonly messages: TopicMessage[]; readonly next: bigint } {
  const counts = createAbortFilter(aborted);
  const messages = batches.flatMap((batch) => (counts(batch) ? messagesOf(batch) : []));
  const last = batches.at(-1);
  const end = last === undefined ? from : endOf(last);
  return { messages: messages.filter(({ offset }) => offset >= from), next: end > from ? end : from };
}

/** For batches in their order: whether one is a message of a transaction that was committed, or of none. */
function createAbortFilter(aborted: readonly Aborted[]): (batch: RecordsBatch) => boolean {
  const pending = aborted.toSorted((one, other) => (one.firstOffset < other.firstOffset ? -1 : 1));
  const undone = new Set<bigint>();
  return (batch) => {
    while (pending[0] !== undefined && pending[0].firstOffset < endOf(batch))
      undone.add(pending.shift()?.producerId ?? 0n);
    if (!isControl(batch)) return !(isTransactional(batch) && undone.has(batch.producerId));
    undone.delete(batch.producerId);
    return false;
  };
}

function messagesOf({ firstOffset, records }: RecordsBatch): TopicMessage[] {
  return records.map(({ offsetDelta, value }) => ({
    offset: firstOffset + BigInt(offsetDelta),
    text: value?.toString() ?? "",
  }));
}

function endOf({ firstOffset, lastOffsetDelta }: RecordsBatch): bigint {
  return firstOffset + BigInt(lastOffsetDelta) + 1n;
}

/** Bits of a batch's attributes. Source: Kafka's protocol guide, "Record Batch". */
function isTransactional({ attributes }: RecordsBatch): boolean {
  return (attributes & 0b10000) !== 0;
}

function isControl({ attributes }: RecordsBatch): boolean {
  return (attributes & 0b100000) !== 0;
}
