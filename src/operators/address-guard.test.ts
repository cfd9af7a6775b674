/** Which addresses may be dialled. */
import { describe, expect, test } from "vitest";
import { createAddressGuard } from "./address-guard.ts";

const OPEN = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"];
const NEVER = [
  "169.254.169.254",
  "169.254.0.1",
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "0.0.0.0",
  "255.255.255.255",
  "224.0.0.1",
  "fe80::1",
  "fe80::1%eth0",
  "fd00:ec2::254",
  "ff02::1",
  "::",
  "::ffff:169.254.169.254",
  "::ffff:a9fe:a9fe",
  "64:ff9b::a9fe:a9fe",
  "2002:a9fe:a9fe::1",
  "::169.254.169.254",
];
const LOOPBACK = [
  "127.0.0.1",
  "127.9.9.9",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "64:ff9b::7f00:1",
  "2002:7f00:1::",
];
const PRIVATE = [
  "10.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "100.64.0.1",
  "fd12::1",
  "::ffff:10.0.0.1",
  "::ffff:0a00:1",
  "0:0:0:0:0:ffff:10.0.0.1",
  "64:ff9b::10.0.0.1",
  "64:ff9b:1::7f00:1",
  "2002:c0a8:101::1",
];

describe("without an allow-list", () => {
  const guard = createAddressGuard([]);

  test.each(OPEN)("%s may be dialled", (address) => {
    expect(guard.refuse(address)).toBeUndefined();
  });

  test.each([...NEVER, ...LOOPBACK, ...PRIVATE, "no address", ""])("%s is refused", (address) => {
    expect(guard.refuse(address)).toBeDefined();
  });

  test.each(["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "127.1"])(
    "the host %s is refused by what it resolves to",
    async (host) => {
      await expect(guard.resolve(host)).rejects.toThrow(/loopback|not found/);
    },
  );

  test.each(["/var/run/postgresql", "@abstract", "a b", "", "user@host"])("%j is no host", async (host) => {
    await expect(guard.resolve(host)).rejects.toThrow(/no host name/);
  });
});

describe("with an allow-list", () => {
  test("everything that is named is open, and nothing else", () => {
    const guard = createAddressGuard(["loopback", "10.1.0.0/16", "192.168.1.7", "fd12::/16"]);
    for (const address of [...LOOPBACK, "10.1.2.3", "192.168.1.7", "fd12::1", "::ffff:10.1.2.3"])
      expect(guard.refuse(address)).toBeUndefined();
    for (const address of ["10.2.0.1", "192.168.1.8", "fd13::1"]) expect(guard.refuse(address)).toBeDefined();
  });

  test("all private addresses can be allowed at once, without the loopback", () => {
    const guard = createAddressGuard(["private"]);
    for (const address of PRIVATE) expect(guard.refuse(address)).toBeUndefined();
    for (const address of LOOPBACK) expect(guard.refuse(address)).toBeDefined();
  });

  test("link-local and metadata addresses stay refused whatever it says", () => {
    const guard = createAddressGuard(["0.0.0.0/0", "::/0", "loopback", "private", "169.254.169.254"]);
    for (const address of NEVER) expect(guard.refuse(address)).toBeDefined();
  });

  test("a host may be allowed by its name", async () => {
    const guard = createAddressGuard(["localhost"]);
    expect((await guard.resolve("LOCALHOST")).address).toMatch(/^(127\.0\.0\.1|::1)$/);
    await expect(guard.resolve("127.0.0.1")).rejects.toThrow(/loopback/);
  });

  test.each(["10.0.0.0/33", "10.0.0.0/x", "::1/129"])("%s is no range", (range) => {
    expect(() => createAddressGuard([range])).toThrow(/no range/);
  });
});
