/** Sealed secrets: what opens, what does not, and a change of the master key. */
import { expect, test } from "vitest";
import {
  createMasterKey,
  decryptSecret,
  encryptSecret,
  parseMasterKey,
  rewrapSecret,
  type SecretPlace,
} from "./secrets.ts";

const place: SecretPlace = { table: "connection", recordId: "7", field: "password" };

function setup() {
  const keys = { current: createMasterKey(), previous: [] };
  return { keys, sealed: encryptSecret(keys, place, "s3cret ☂") };
}

test("a sealed secret opens to what it was, and does not show it", () => {
  const { keys, sealed } = setup();
  expect(decryptSecret(keys, place, sealed).toString()).toBe("s3cret ☂");
  expect(sealed.includes("s3cret")).toBe(false);
  expect(encryptSecret(keys, place, "")).not.toEqual(encryptSecret(keys, place, ""));
  expect(decryptSecret(keys, place, encryptSecret(keys, place, Buffer.alloc(0)))).toHaveLength(0);
});

test.each([
  ["table", { ...place, table: "access_key" }],
  ["record", { ...place, recordId: "8" }],
  ["field", { ...place, field: "token" }],
])("a secret moved to another %s does not open", (_, other) => {
  const { keys, sealed } = setup();
  expect(() => decryptSecret(keys, other, sealed)).toThrow("changed or moved");
});

test("a secret changed in any single byte does not open", () => {
  const { keys, sealed } = setup();
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed);
    changed[i] = (changed[i] ?? 0) ^ 1;
    expect(() => decryptSecret(keys, place, changed)).toThrow("a stored secret cannot be read");
  }
  for (const length of [0, 1, 9, 40, sealed.length - 1]) {
    expect(() => decryptSecret(keys, place, sealed.subarray(0, length))).toThrow(
      "a stored secret cannot be read",
    );
  }
});

test("another master key does not open a secret, and the fault names the missing one", () => {
  const { keys, sealed } = setup();
  const others = { current: createMasterKey(), previous: [] };
  expect(() => decryptSecret(others, place, sealed)).toThrow(keys.current.id);
});

test("after a change of the master key old secrets open, and new ones need the new key alone", () => {
  const { keys, sealed } = setup();
  const changed = { current: createMasterKey(), previous: [keys.current] };
  expect(decryptSecret(changed, place, sealed).toString()).toBe("s3cret ☂");
  const sealedAnew = encryptSecret(changed, place, "s3cret ☂");
  const withoutOld = { current: changed.current, previous: [] };
  expect(decryptSecret(withoutOld, place, sealedAnew).toString()).toBe("s3cret ☂");
  expect(() => decryptSecret(withoutOld, place, sealed)).toThrow(keys.current.id);
});

test("a master key is 32 bytes as hexadecimal digits or Base64, and nothing else", () => {
  const hex = "0123456789abcdef".repeat(4);
  const base64 = Buffer.from(hex, "hex").toString("base64");
  const ids = [hex, hex.toUpperCase(), base64, base64.replace("=", ""), ` ${hex}\n`].map(
    (text) => parseMasterKey(text)?.id,
  );
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toMatch(/^[0-9a-f]{16}$/);
  for (const text of ["", "short", hex.slice(1), `${hex}0`, "g".repeat(64)])
    expect(parseMasterKey(text)).toBeUndefined();
});

test("a rewrapped secret opens with the new key alone, and is the same sealed text behind its own key", () => {
  const { keys, sealed } = setup();
  const current = createMasterKey();
  const rewrapped = rewrapSecret({ current, previous: [keys.current] }, place, sealed);
  expect(decryptSecret({ current, previous: [] }, place, rewrapped).toString()).toBe("s3cret ☂");
  expect(() => decryptSecret(keys, place, rewrapped)).toThrow(current.id);
  expect(() => rewrapSecret({ current, previous: [] }, place, sealed)).toThrow(keys.current.id);
  const elsewhere = { ...place, recordId: "8" };
  expect(() => rewrapSecret({ current, previous: [keys.current] }, elsewhere, sealed)).toThrow(
    "changed or moved",
  );
});
