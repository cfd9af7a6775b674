import { expect, test } from "vitest";
import {
  bool,
  decodeReply,
  encodeCall,
  i16,
  i32,
  i64,
  listIn,
  numberIn,
  struct,
  structIn,
  text,
  textIn,
  texts,
} from "./thrift-binary.ts";

/** A call's bytes with the mark of a reply: what a service would send that answers with the question. */
function asReply(call: Buffer, kind = 2): Buffer {
  const reply = Buffer.from(call);
  reply.writeUInt8(kind, 3);
  return reply;
}

test("a call is written as the protocol says", () => {
  const call = encodeCall("CloseSession", 7, struct({ 1: text("é"), 2: i32(-2), 9: undefined }));
  expect(call.toString("hex")).toBe(
    ["80010001", "0000000c", Buffer.from("CloseSession").toString("hex"), "00000007", "0c0001"]
      .concat(["0b0001", "00000002", "c3a9", "080002", "fffffffe", "00", "00"])
      .join(""),
  );
});

const request = struct({
  1: bool(true),
  2: i16(-3),
  3: i64(-(2n ** 62n)),
  4: texts({ a: "b", "": "ü" }),
  5: struct({ 1: text("") }),
});

test("all that is written is read again, whatever stands behind it", () => {
  const bytes = asReply(encodeCall("Get", 3, request));
  const found = decodeReply(Buffer.concat([bytes, Buffer.from("rest")]));
  expect(found?.end).toBe(bytes.length);
  expect(found?.reply).toMatchObject({ name: "Get", sequence: 3, failed: false });
  const read = structIn(found?.reply.result ?? new Map(), 1);
  expect(read.get(1)).toBe(true);
  expect(numberIn(read, 2)).toBe(-3);
  expect(read.get(3)).toBe(-(2n ** 62n));
  expect(textIn(structIn(read, 5), 1)).toBe("");
  expect(read.get(4)).toMatchObject({ entries: [[Buffer.from("a"), Buffer.from("b")], expect.anything()] });
});

test("a message that has not come whole is waited for, wherever it was cut", () => {
  const bytes = asReply(encodeCall("Get", 3, request));
  for (let length = 0; length < bytes.length; length += 1)
    expect(decodeReply(bytes.subarray(0, length))).toBeUndefined();
});

test("an exception of the service is told from an answer", () => {
  const bytes = asReply(encodeCall("Get", 3, text("no")), 3);
  expect(decodeReply(bytes)?.reply).toMatchObject({ failed: true });
});

test("what is no such message is refused, and makes nothing grow", () => {
  expect(() => decodeReply(Buffer.from("HTTP/1.1 400 Bad Request\r\n"))).toThrow(/does not speak Thrift/);
  expect(() => decodeReply(encodeCall("Get", 3, request))).toThrow(/does not speak Thrift/);
  const head = asReply(encodeCall("Get", 3, struct({}))).subarray(0, 4 + 4 + 3 + 4);
  const endless = Buffer.from("0f00010c7fffffff", "hex");
  expect(decodeReply(Buffer.concat([head, endless]))).toBeUndefined();
  expect(() => decodeReply(Buffer.concat([head, Buffer.from("0f00010cffffffff", "hex")]))).toThrow(
    RangeError,
  );
  expect(() => decodeReply(Buffer.concat([head, Buffer.from("070001", "hex")]))).toThrow(/unknown type 7/);
  const deep = Buffer.concat([head, ...Array(100).fill(Buffer.from("0c0001", "hex"))]);
  expect(() => decodeReply(deep)).toThrow(/nested too deeply/);
});

test("members that are absent read as nothing", () => {
  expect(listIn(new Map(), 1)).toEqual([]);
  expect(structIn(new Map([[1, 5]]), 1).size).toBe(0);
  expect(textIn(new Map(), 1)).toBeUndefined();
});
