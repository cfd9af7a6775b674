/** Secrets in what is written: covered however they are spelt and wherever a chunk is cut. */
import { expect, test } from "vitest";
import { createSecretMask } from "./secret-mask.ts";

/** As it comes out of the mask when it goes in in pieces of `size` bytes. */
function piecewise(config: Readonly<Record<string, unknown>>, text: string, size: number): string {
  const stream = createSecretMask(config)?.open();
  const bytes = Buffer.from(text);
  const out: Uint8Array[] = [];
  for (let place = 0; place < bytes.length; place += size)
    out.push(stream?.push(bytes.subarray(place, place + size)) ?? bytes);
  return Buffer.concat([...out, stream?.end() ?? bytes]).toString();
}

test("a connection without secrets needs no mask", () => {
  expect(createSecretMask({ ip: "db.example.com", port: 5432, kmsKey: "the key's name" })).toBeUndefined();
  expect(createSecretMask({ password: "" })).toBeUndefined();
});

test("every secret member is covered, and nothing else", () => {
  const mask = createSecretMask({ userName: "ada-lovelace", password: "s3cret-☂", secretKey: "AKIA-KEY" });
  expect(mask?.cover("ada-lovelace:s3cret-☂@db, AKIA-KEY; s3cret- alone")).toBe(
    "ada-lovelace:*********@db, *********; s3cret- alone",
  );
});

test("a secret is covered as JSON and as addresses spell it", () => {
  const mask = createSecretMask({ password: 'a"b/c d' });
  expect(mask?.cover('{"p":"a\\"b/c d"} postgres://u:a%22b%2Fc%20d@h a"b/c d')).toBe(
    '{"p":"*********"} postgres://u:*********@h *********',
  );
});

test("a key of several lines is covered line by line, its frame stays", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END PRIVATE KEY-----\n";
  const text = createSecretMask({ privateKey: key })?.cover(
    "> -----BEGIN PRIVATE KEY-----\n> MIIEvQIBADAN\n> BgkqhkiG9w0B\n",
  );
  expect(text).toBe("> -----BEGIN PRIVATE KEY-----\n> *********\n> *********\n");
});

test("a secret of three characters is left alone, one of four is not", () => {
  expect(createSecretMask({ password: "abc" })).toBeUndefined();
  expect(createSecretMask({ password: "abcd" })?.cover("abcde")).toBe("*********e");
});

test("wherever the pieces are cut, the same comes out", () => {
  const config = { password: "abcabd", token: "abcabdabce", passphrase: "abda" };
  const text = "xabcabcabdabceabcabdabcabdab☂abdaabcabdabcabcabdabc";
  const whole = createSecretMask(config)?.cover(text);
  expect(whole).not.toMatch(/abcabd|abda/);
  for (let size = 1; size <= Buffer.byteLength(text); size++)
    expect(piecewise(config, text, size), `pieces of ${size}`).toBe(whole);
});

test("only a possible beginning of a secret is kept back", () => {
  const stream = createSecretMask({ password: "s3cret" })?.open();
  expect(stream?.push("line one\ns3")?.toString()).toBe("line one\n");
  expect(stream?.push("3 is not it\n")?.toString()).toBe("s33 is not it\n");
  expect(stream?.push("s3cre")?.toString()).toBe("");
  expect(stream?.end()?.toString()).toBe("s3cre");
});
