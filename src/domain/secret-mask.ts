/** Covers a connection's secrets in what is written and left behind by those who use it. */
import { type ConnectionConfig, isSecretMember, SECRET_MASK } from "./connection.ts";

export interface SecretMask {
  /** The text with each secret covered. */
  readonly cover: (text: string) => string;
  /** A mask for something that comes in pieces, whose borders may cut a secret. */
  readonly open: () => CoveredStream;
}

export interface CoveredStream {
  /** What is known to be no beginning of a secret; the rest is kept back until it is clear what it is. */
  readonly push: (chunk: string | Uint8Array) => Uint8Array;
  /** What was kept back. */
  readonly end: () => Uint8Array;
}

/** A shorter secret is not covered: its characters stand in every other word. */
const SECRET_LENGTH_MIN = 4;
const COVER = Buffer.from(SECRET_MASK);
const NOTHING = Buffer.alloc(0);

/** Covers the values of all secret members, as they are and as JSON and addresses write them; undefined where there is none. */
export function createSecretMask(...configs: readonly ConnectionConfig[]): SecretMask | undefined {
  const secrets = configs
    .flatMap(Object.entries)
    .flatMap(([name, value]: [string, unknown]) =>
      isSecretMember(name) && typeof value === "string" ? spellingsOf(value) : [],
    );
  if (secrets.length === 0) return undefined;
  // The longest first: where one begins as another does, nothing of the longer may stay.
  const patterns = [...new Set(secrets)]
    .map((secret) => Buffer.from(secret))
    .toSorted((one, other) => other.length - one.length);
  const open = () => createCoveredStream(patterns);
  return {
    open,
    cover: (text) => {
      const stream = open();
      return Buffer.concat([stream.push(text), stream.end()]).toString();
    },
  };
}

/** A key of many lines is told line by line, too. */
function spellingsOf(secret: string): string[] {
  const parts = [secret, ...secret.split(/[\r\n]+/)];
  return parts
    .flatMap((part) => [part, JSON.stringify(part).slice(1, -1), encodeURIComponent(part)])
    .filter((part) => part.length >= SECRET_LENGTH_MIN && !/^-----(BEGIN|END) /.test(part));
}

function createCoveredStream(patterns: readonly Buffer[]): CoveredStream {
  let kept: Buffer = NOTHING;
  const pass = (bytes: Buffer, atEnd: boolean): Buffer => {
    const out: Buffer[] = [];
    let place = 0;
    for (;;) {
      const held = atEnd ? bytes.length : heldFrom(bytes, place, patterns);
      const found = firstOf(bytes, place, patterns);
      // Where a longer secret may begin that is not complete yet, a shorter one in it must wait as well.
      if (found === undefined || found.start >= held) {
        out.push(bytes.subarray(place, held));
        kept = Buffer.from(bytes.subarray(held));
        return Buffer.concat(out);
      }
      out.push(bytes.subarray(place, found.start), COVER);
      place = found.end;
    }
  };
  return {
    push: (chunk) => pass(Buffer.concat([kept, Buffer.from(chunk)]), false),
    end: () => pass(kept, true),
  };
}

/** The first secret from `place` on, the longest of those that begin there. */
function firstOf(
  bytes: Buffer,
  place: number,
  patterns: readonly Buffer[],
): { readonly start: number; readonly end: number } | undefined {
  let first: { start: number; end: number } | undefined;
  for (const pattern of patterns) {
    const start = bytes.indexOf(pattern, place);
    if (start !== -1 && (first === undefined || start < first.start))
      first = { start, end: start + pattern.length };
  }
  return first;
}

/** Where the longest end of `bytes` begins that a secret may go on from; their length where there is none. */
function heldFrom(bytes: Buffer, place: number, patterns: readonly Buffer[]): number {
  let held = bytes.length;
  for (const pattern of patterns) {
    const first = pattern[0] ?? 0;
    const from = Math.max(place, bytes.length - pattern.length + 1);
    for (
      let start = bytes.indexOf(first, from);
      start !== -1 && start < held;
      start = bytes.indexOf(first, start + 1)
    )
      if (bytes.subarray(start).equals(pattern.subarray(0, bytes.length - start))) held = start;
  }
  return held;
}
