/** Thrift's binary protocol, as far as a client of HiveServer2 needs it: messages as bytes, and bytes as plain values. */

/** A value ready to be sent, with its type's number. */
export interface Encoded {
  readonly type: number;
  readonly bytes: Buffer;
}

/** What a reply holds. Texts and bytes look alike on the wire; members of structs are found by their numbers. */
export type Decoded = boolean | number | bigint | Buffer | readonly Decoded[] | DecodedMap | DecodedStruct;
type DecodedMap = { readonly entries: readonly (readonly [Decoded, Decoded])[] };
export type DecodedStruct = ReadonlyMap<number, Decoded>;

export interface Reply {
  readonly name: string;
  readonly sequence: number;
  readonly result: DecodedStruct;
  /** The service did not know the call or could not answer it: the result is Thrift's own exception. */
  readonly failed: boolean;
}

const TYPE = {
  stop: 0,
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  text: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
};
const VERSION = 0x80010000;
const CALL = 1;
const REPLY = 2;
const EXCEPTION = 3;
const DEPTH_MAX = 32;

export function bool(value: boolean): Encoded {
  return { type: TYPE.bool, bytes: Buffer.from([value ? 1 : 0]) };
}

export function i16(value: number): Encoded {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return { type: TYPE.i16, bytes };
}

export function i32(value: number): Encoded {
  return { type: TYPE.i32, bytes: int(value) };
}

export function i64(value: bigint): Encoded {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return { type: TYPE.i64, bytes };
}

export function text(value: string | Buffer): Encoded {
  const bytes = Buffer.from(value);
  return { type: TYPE.text, bytes: Buffer.concat([int(bytes.length), bytes]) };
}

export function texts(values: Readonly<Record<string, string>>): Encoded {
  const entries = Object.entries(values);
  const head = [Buffer.from([TYPE.text, TYPE.text]), int(entries.length)];
  return { type: TYPE.map, bytes: Buffer.concat([...head, ...entries.flat().map((one) => text(one).bytes)]) };
}

/** Members by their numbers; those that are undefined are left out. */
export function struct(members: Readonly<Record<number, Encoded | undefined>>): Encoded {
  const parts: Buffer[] = [];
  for (const [id, member] of Object.entries(members)) {
    if (member === undefined) continue;
    const head = Buffer.from([member.type, 0, 0]);
    head.writeInt16BE(Number(id), 1);
    parts.push(head, member.bytes);
  }
  return { type: TYPE.struct, bytes: Buffer.concat([...parts, Buffer.from([TYPE.stop])]) };
}

/** The bytes that ask the service for `name`; HiveServer2's calls have one argument, a struct. */
export function encodeCall(name: string, sequence: number, request: Encoded): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE((VERSION | CALL) >>> 0);
  return Buffer.concat([head, text(name).bytes, int(sequence), struct({ 1: request }).bytes]);
}

/**
 * The message at the beginning of `bytes` and where it ends; undefined where more of it must come.
 * @throws RangeError where these are no bytes of the protocol.
 */
export function decodeReply(bytes: Buffer): { readonly reply: Reply; readonly end: number } | undefined {
  const reader = createReader(bytes);
  try {
    const head = reader.take(4).readUInt32BE();
    const kind = head & 0xff;
    if ((head & 0xffff0000) >>> 0 !== VERSION || (kind !== REPLY && kind !== EXCEPTION))
      throw new RangeError("the other side does not speak Thrift's binary protocol");
    const name = reader.takeBytes().toString();
    const sequence = reader.take(4).readInt32BE();
    const result = reader.takeStruct(0);
    return { reply: { name, sequence, result, failed: kind === EXCEPTION }, end: reader.at() };
  } catch (error) {
    if (error === INCOMPLETE) return undefined;
    throw error;
  }
}

/** The member as a struct; an empty one where it is absent. */
export function structIn(value: DecodedStruct, id: number): DecodedStruct {
  const member = value.get(id);
  return member instanceof Map ? member : new Map();
}

export function listIn(value: DecodedStruct, id: number): readonly Decoded[] {
  const member = value.get(id);
  return Array.isArray(member) ? member : [];
}

export function numberIn(value: DecodedStruct, id: number): number | undefined {
  const member = value.get(id);
  return typeof member === "number" ? member : undefined;
}

export function bytesIn(value: DecodedStruct, id: number): Buffer | undefined {
  const member = value.get(id);
  return Buffer.isBuffer(member) ? member : undefined;
}

export function textIn(value: DecodedStruct, id: number): string | undefined {
  return bytesIn(value, id)?.toString();
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Thrown where the bytes end too early: no error, only a wait. */
const INCOMPLETE = Symbol("more must come");

function createReader(bytes: Buffer) {
  let at = 0;

  function take(length: number): Buffer {
    if (length < 0) throw new RangeError("a length below zero stands in the reply");
    if (at + length > bytes.length) throw INCOMPLETE;
    at += length;
    return bytes.subarray(at - length, at);
  }

  /** So many elements need at least so many bytes: a number that lies makes nothing grow. */
  function takeSize(bytesEach: number): number {
    const size = take(4).readInt32BE();
    if (size < 0) throw new RangeError("a list of less than nothing stands in the reply");
    if (size * bytesEach > bytes.length - at) throw INCOMPLETE;
    return size;
  }

  const takeBytes = () => take(take(4).readInt32BE());

  function takeStruct(depth: number): DecodedStruct {
    const members = new Map<number, Decoded>();
    for (;;) {
      const type = take(1).readUInt8();
      if (type === TYPE.stop) return members;
      members.set(take(2).readInt16BE(), takeValue(type, depth + 1));
    }
  }

  function takeList(depth: number): Decoded[] {
    const type = take(1).readUInt8();
    return Array.from({ length: takeSize(1) }, () => takeValue(type, depth + 1));
  }

  function takeMap(depth: number): DecodedMap {
    const [key = 0, value = 0] = take(2);
    const pair = () => [takeValue(key, depth + 1), takeValue(value, depth + 1)] as const;
    return { entries: Array.from({ length: takeSize(2) }, pair) };
  }

  const takers: Readonly<Record<number, (depth: number) => Decoded>> = {
    [TYPE.bool]: () => take(1).readUInt8() !== 0,
    [TYPE.byte]: () => take(1).readInt8(),
    [TYPE.double]: () => take(8).readDoubleBE(),
    [TYPE.i16]: () => take(2).readInt16BE(),
    [TYPE.i32]: () => take(4).readInt32BE(),
    [TYPE.i64]: () => take(8).readBigInt64BE(),
    [TYPE.text]: takeBytes,
    [TYPE.struct]: takeStruct,
    [TYPE.map]: takeMap,
    [TYPE.set]: takeList,
    [TYPE.list]: takeList,
  };

  function takeValue(type: number, depth: number): Decoded {
    if (depth > DEPTH_MAX) throw new RangeError("the reply is nested too deeply");
    const taker = takers[type];
    if (taker === undefined) throw new RangeError(`the reply holds a value of the unknown type ${type}`);
    return taker(depth);
  }

  return { take, takeBytes, takeStruct, at: () => at };
}
