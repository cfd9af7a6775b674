/** Passwords: what is stored, what matches, and what is refused. */
import { expect, test } from "vitest";
import { createPasswords, PASSWORD_BYTES_MAX } from "./passwords.ts";

const cheap = { memoryKib: 64, passes: 1, lanes: 1 };

test("a stored password names its cost and never holds the password", async () => {
  const stored = await createPasswords().hash("correct horse");
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(stored).not.toContain("horse");
});

test("the right password matches, any other does not", async () => {
  const passwords = createPasswords(cheap);
  const stored = await passwords.hash("пароль 🔑");
  expect(await passwords.verify("пароль 🔑", stored)).toEqual({ matches: true, outdated: false });
  for (const wrong of ["", "пароль", "пароль 🔑 ", "пароль 🔑".repeat(200)]) {
    expect(await passwords.verify(wrong, stored)).toEqual({ matches: false, outdated: false });
  }
});

test("the same password is stored differently each time", async () => {
  const passwords = createPasswords(cheap);
  expect(await passwords.hash("same")).not.toBe(await passwords.hash("same"));
});

test("a hash made by another implementation matches", async () => {
  // Test vector of the reference implementation (phc-winner-argon2, src/test.c): version 19, id, t=2, m=2^8, p=1.
  const stored = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
  expect((await createPasswords(cheap).verify("password", stored)).matches).toBe(true);
});

test("an unknown user's password never matches, and costs the same work", async () => {
  const passwords = createPasswords(cheap);
  expect(await passwords.verify("anything", undefined)).toEqual({ matches: false, outdated: false });
  expect(await passwords.verify("", undefined)).toEqual({ matches: false, outdated: false });
});

test("text of another kind never matches", async () => {
  const passwords = createPasswords(cheap);
  for (const text of ["", "x", "$2b$12$abcdefghijklmnopqrstuv", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA"]) {
    expect(await passwords.verify("x", text)).toEqual({ matches: false, outdated: false });
  }
});

test("a right password stored at a lower cost is marked as outdated", async () => {
  const stored = await createPasswords(cheap).hash("p");
  const dearer = createPasswords({ ...cheap, passes: 2 });
  expect(await dearer.verify("p", stored)).toEqual({ matches: true, outdated: true });
  expect(await dearer.verify("q", stored)).toEqual({ matches: false, outdated: false });
  const cheaper = await dearer.hash("p");
  expect(await createPasswords(cheap).verify("p", cheaper)).toEqual({ matches: true, outdated: false });
});

test("an empty or overlong password is refused, not cut", async () => {
  const passwords = createPasswords(cheap);
  await expect(passwords.hash("")).rejects.toMatchObject({ code: "request-invalid" });
  await expect(passwords.hash("a".repeat(PASSWORD_BYTES_MAX + 1))).rejects.toMatchObject({
    code: "request-invalid",
  });
  const longest = "a".repeat(PASSWORD_BYTES_MAX);
  expect((await passwords.verify(longest, await passwords.hash(longest))).matches).toBe(true);
});

test("a flood of logins is turned away while those in the queue are served", async () => {
  const passwords = createPasswords(cheap);
  const stored = await passwords.hash("p");
  const results = await Promise.allSettled(Array.from({ length: 250 }, () => passwords.verify("p", stored)));
  const refused = results.filter((result) => result.status === "rejected");
  expect(refused).toHaveLength(48);
  expect(refused[0]).toMatchObject({ reason: { code: "server-busy" } });
  expect((await passwords.verify("p", stored)).matches).toBe(true);
});
