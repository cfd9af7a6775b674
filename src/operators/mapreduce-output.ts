/**
 * Whose output lies at an address: Hadoop's jobs write only where nothing is, but a try that was lost while it put its
 * output there must not keep the next one of the same node from doing so.
 */
import { Readable } from "node:stream";
import { Fault } from "../domain/fault.ts";
import type { Buckets, Work } from "./operator.ts";

export interface OutputClaim {
  /** Whether an earlier try of this node has left something there. */
  readonly isOwn: (address: string) => Promise<boolean>;
  /** Fault `reference-invalid` where something lies that no earlier try of this node has left. */
  readonly check: (address: string) => Promise<void>;
  /** Runs what puts the output there. */
  readonly around: (address: string, publish: () => Promise<void>) => Promise<void>;
}

/** Written by Hadoop when all else is there; what is in it says whose output it is. */
const SUCCESS = "_SUCCESS";
const MARK_BYTES_MAX = 4096;

export function createOutputClaim(
  { instanceId, nodeName }: Pick<Work, "instanceId" | "nodeName">,
  buckets: Buckets,
): OutputClaim {
  const mark = JSON.stringify({ by: "azalai", instance: instanceId, node: nodeName });
  const isOwn = async (address: string) => {
    for (const path of [unfinishedPath(address), successPath(address)])
      if ((await buckets.exists(path)) && (await readStart(buckets, path)) === mark) return true;
    return false;
  };
  return {
    isOwn,
    check: async (address) => {
      if ((await buckets.exists(address)) && !(await isOwn(address)))
        throw new Fault("invalid", "reference-invalid", `The output directory ${address} already exists.`);
    },
    around: async (address, publish) => {
      await buckets.write(unfinishedPath(address), Readable.from([mark]));
      await publish();
      if (await buckets.exists(successPath(address)))
        await buckets.write(successPath(address), Readable.from([mark]));
      await buckets.remove(unfinishedPath(address));
    },
  };
}

function successPath(address: string): string {
  return `${withoutSlash(address)}/${SUCCESS}`;
}

/** Beside the output: it is there exactly while the output may be part of one. */
function unfinishedPath(address: string): string {
  return `${withoutSlash(address)}._azalai_unfinished`;
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, "");
}

async function readStart(buckets: Buckets, path: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of await buckets.open(path)) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > MARK_BYTES_MAX) break; // leaving the loop closes the stream
  }
  return Buffer.concat(chunks).toString();
}
