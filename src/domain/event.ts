/** What starts a job on events: files that arrive under a path, here or at an S3 endpoint, messages of a topic; and what makes that legal. */
import { isBucketName } from "./bucket.ts";

export interface EventSchedule {
  /** `stream`: the vendor's ingestion service, which no server of this kind has. */
  readonly source: "files" | "topic" | "stream";
  /** Files: `obs://bucket/folder`, of an endpoint `connection/s3a://bucket/folder`. A topic: `connection/topic`. */
  readonly channel: string;
  /** What a failed run does to those that would follow: hold them until somebody acts, or nothing. */
  readonly failPolicy: "suspend" | "ignore";
  /** Most runs that have not ended, at a time. */
  readonly concurrent: number;
  /** Where a start goes on: behind the last event that was taken, or with those that come from now on. */
  readonly readFrom: "last" | "new";
}

/** `files`: those of the server's own buckets; `objects`: those of an S3 endpoint's. */
export type EventSourceType = "files" | "objects" | "topic";

/** What a run on an event is told of it. */
export interface JobEvent {
  /** The message's text; for files their paths as JSON. */
  readonly data: string;
  /** Paths of the files that arrived; empty for a message. */
  readonly files: readonly string[];
}

/**
 * Where a listening source goes on. Files: the number of the last arrival taken. Objects: when they were last listed
 * whole; those that were seen are rows of their own. A topic: each partition's next offset.
 */
export type EventPosition =
  | { readonly arrival: number }
  | { readonly listedAt: string }
  | { readonly offsets: Readonly<Record<string, string>> };

export const CONCURRENT_MAX = 128;
/** For how long files that arrived are remembered for sources that are stopped; for those in operation until they are taken. */
export const ARRIVAL_DAYS = 30;
/** Longest text of a message that a run is told of, in UTF-8 bytes. */
export const EVENT_DATA_BYTES_MAX = 256 * 1024;

const FOLDER = /^(?:obs|s3a?|s3n|swift):\/\/([^/]+)((?:\/[^/]+)*)\/*$/s;
const OBJECTS = /^([A-Za-z0-9_-]{1,100})\/(obs|s3a?|s3n):\/\/([^/]+)\/*(.*?)\/*$/s;
const TOPIC = /^([A-Za-z0-9_-]{1,100})\/([A-Za-z0-9._-]{1,249})$/;

/** Everything that keeps a source from being listened to; empty when nothing does. */
export function checkEventSchedule(event: Partial<EventSchedule>): string[] {
  switch (event.source) {
    case "files":
      return folderOf(event.channel ?? "") === undefined && objectsOf(event.channel ?? "") === undefined
        ? [
            `event.channel: "${event.channel}" must be a path such as obs://bucket/folder, behind the name of a connection of type S3 for an endpoint's: connection/s3a://bucket/folder`,
          ]
        : [];
    case "topic":
      return topicOf(event.channel ?? "") === undefined
        ? [
            `event.channel: "${event.channel}" must name a connection of type Kafka and its topic: connection/topic`,
          ]
        : [];
    case "stream":
      return [
        "event.eventType: DIS is the vendor's own ingestion service, which this server has not: use KAFKA or OBS",
      ];
    default:
      return ["event: was saved in an earlier form: save the job again"];
  }
}

/** The canonical form of a folder's path, `obs://bucket/folder`; undefined for what is none. */
export function folderOf(channel: string): string | undefined {
  const [, bucket, folder] = FOLDER.exec(channel.trim()) ?? [];
  return bucket === undefined ? undefined : `obs://${bucket}${folder}`;
}

/** Files of an S3 endpoint: those of `bucket` whose keys begin with `prefix`. */
export interface ObjectsChannel {
  readonly connection: string;
  /** As it was written: what reads a path takes one or another. */
  readonly scheme: string;
  readonly bucket: string;
  /** Empty, or a folder with a slash at its end. */
  readonly prefix: string;
}

/** The parts of `connection/s3a://bucket/folder`; undefined for what is none. */
export function objectsOf(channel: string): ObjectsChannel | undefined {
  const [, connection, scheme, bucket, folder] = OBJECTS.exec(channel.trim()) ?? [];
  if (connection === undefined || scheme === undefined || bucket === undefined || !isBucketName(bucket))
    return undefined;
  return { connection, scheme, bucket, prefix: folder ? `${folder}/` : "" };
}

/** The connection's name and the topic's; undefined for what is no such pair. */
export function topicOf(
  channel: string,
): { readonly connection: string; readonly topic: string } | undefined {
  const [, connection, topic] = TOPIC.exec(channel.trim()) ?? [];
  return connection === undefined || topic === undefined ? undefined : { connection, topic };
}
