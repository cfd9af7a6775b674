/** Puts a file into a bucket at an S3 endpoint, however long it is: in parts of which one at a time is in memory. */
import type { Readable } from "node:stream";
import type { Answer } from "./guarded-call.ts";
import { type EndpointCall, type EndpointCaller, type EndpointKey, element, refusal } from "./s3-endpoint.ts";

/** A file of 10,000 such parts, the most that endpoints take, has 160 GiB. */
const PART_BYTES = 16 * 1024 * 1024;
const GIVE_UP_MS = 10_000;

/** Whole or not at all; `content` is destroyed where that fails. @throws Fault `storage-unavailable` for a refusal. */
export async function upload(caller: EndpointCaller, target: EndpointKey, content: Readable): Promise<void> {
  const etags: string[] = [];
  let uploadId: string | undefined;
  try {
    for await (const part of partsOf(content)) {
      if (uploadId === undefined && part.length < PART_BYTES) {
        await succeed(caller, { method: "PUT", ...target, body: part });
        return;
      }
      uploadId ??= await begin(caller, target);
      const query = { partNumber: String(etags.length + 1), uploadId };
      const { headers } = await succeed(caller, { method: "PUT", ...target, query, body: part });
      etags.push(headers.etag ?? "");
    }
    if (uploadId !== undefined) await complete(caller, target, uploadId, etags);
  } catch (error) {
    // The endpoint keeps, and charges for, parts of what is never completed.
    if (uploadId !== undefined) {
      const signal = AbortSignal.timeout(GIVE_UP_MS);
      await caller.call({ method: "DELETE", ...target, query: { uploadId }, signal }).catch(() => undefined);
    }
    throw error;
  }
}

/** The answer of a call that must go well. */
export async function succeed(caller: EndpointCaller, call: EndpointCall): Promise<Answer> {
  const answer = await caller.call(call);
  if (answer.status < 200 || answer.status > 299) throw refusal(answer);
  return answer;
}

async function begin(caller: EndpointCaller, target: EndpointKey): Promise<string> {
  const answer = await succeed(caller, { method: "POST", ...target, query: { uploads: "" } });
  const uploadId = element(answer.text, "UploadId");
  if (uploadId === undefined) throw refusal(answer);
  return uploadId;
}

async function complete(
  caller: EndpointCaller,
  target: EndpointKey,
  uploadId: string,
  etags: readonly string[],
): Promise<void> {
  const parts = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</CompleteMultipartUpload>`;
  const answer = await succeed(caller, { method: "POST", ...target, query: { uploadId }, body });
  // A failure may come behind the status of a success, since joining the parts takes its time.
  if (!answer.text.includes("<CompleteMultipartUploadResult")) throw refusal(answer);
}

/** At least one, all but the last one of `PART_BYTES`. */
async function* partsOf(content: Readable): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let size = 0;
  let parts = 0;
  for await (const chunk of content) {
    let rest = Buffer.from(chunk);
    while (size + rest.length >= PART_BYTES) {
      const taken = rest.subarray(0, PART_BYTES - size);
      yield Buffer.concat([...chunks, taken]);
      rest = rest.subarray(taken.length);
      chunks = [];
      size = 0;
      parts += 1;
    }
    if (rest.length === 0) continue;
    chunks.push(rest);
    size += rest.length;
  }
  if (size > 0 || parts === 0) yield Buffer.concat(chunks);
}
