/** Which addresses a user's word may make the server dial: the check is on the resolved address that is then dialled. */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { Fault } from "../domain/fault.ts";

export interface CheckedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface AddressGuard {
  /**
   * An address of `host` that may be dialled; dial exactly this one, for the name may lead elsewhere a moment later.
   * Fault `reference-invalid` for a host that may not be dialled, `unavailable` for one that is not found.
   */
  readonly resolve: (host: string) => Promise<CheckedAddress>;
  /** Why an address may not be dialled; undefined when it may. */
  readonly refuse: (address: string) => string | undefined;
}

/** Link-local, metadata services of clouds, and what is no address of a host: refused whatever the settings say. */
const NEVER = [
  "169.254.0.0/16",
  "100.100.100.200/32",
  "168.63.129.16/32",
  "192.0.0.192/32",
  "0.0.0.0/8",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
  "::/128",
  "fd00:ec2::254/128",
  "fd20:ce::254/128",
  "100::/64",
] as const;
const LOOPBACK = ["127.0.0.0/8", "::1/128"] as const;
const PRIVATE = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "192.0.0.0/24",
  "198.18.0.0/15",
  "fc00::/7",
  // A network's own way from IPv6 to IPv4 (RFC 8215): where in it the address stands is its own affair.
  "64:ff9b:1::/48",
] as const;

/** Names that a range may go by in the allow-list. */
const NAMED_RANGES: Readonly<Record<string, readonly string[]>> = { loopback: LOOPBACK, private: PRIVATE };

/**
 * The allow-list holds addresses, ranges, `loopback`, `private`, and names of hosts that may have any such address.
 * Fault `request-invalid` for a range that is none.
 */
export function createAddressGuard(allowedAddresses: readonly string[]): AddressGuard {
  const isName = (entry: string) =>
    NAMED_RANGES[entry] === undefined && isIP(entry.split("/")[0] ?? "") === 0;
  const names = new Set(allowedAddresses.filter(isName).map((name) => name.toLowerCase()));
  const never = blockList(NEVER);
  const loopback = blockList(LOOPBACK);
  const inner = blockList(PRIVATE);
  const allowed = blockList(
    allowedAddresses.filter((entry) => !isName(entry)).flatMap((entry) => NAMED_RANGES[entry] ?? [entry]),
  );
  const refuse = (text: string, allowedName = false): string | undefined => {
    const address = embeddedAddress(text);
    if (isIP(address) === 0) return `${text} is no address`;
    if (holds(never, address)) return `${address} is a link-local, metadata or reserved address`;
    if (allowedName || holds(allowed, address)) return undefined;
    if (holds(loopback, address)) return `${address} is this server's own loopback address`;
    if (holds(inner, address))
      return `${address} is a private address that the administrator has not allowed`;
    return undefined;
  };
  return {
    refuse: (address) => refuse(address),
    resolve: async (host) => {
      const allowedName = names.has(host.toLowerCase());
      const found = await addressesOf(host);
      const good = found.find(({ address }) => refuse(address, allowedName) === undefined);
      if (good !== undefined) return good;
      const reasons = found.map(({ address }) => refuse(address, allowedName)).join("; ");
      throw new Fault(
        "invalid",
        "reference-invalid",
        `The host "${host}" may not be reached from here: ${reasons}.`,
      );
    },
  };
}

/** All addresses of a host name, or the address itself; faults as of `resolve`. */
export async function addressesOf(host: string): Promise<CheckedAddress[]> {
  const name = host.replace(/^\[(.*)\]$/, "$1");
  if (name === "" || /[/@\s\0]/.test(name))
    throw new Fault("invalid", "reference-invalid", `"${host}" is no host name or address.`);
  try {
    const found = await lookup(name, { all: true });
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  } catch (cause) {
    throw new Fault("unavailable", "server-unavailable", `The host "${host}" is not found.`, { cause });
  }
}

/** The IPv4 address inside of an IPv6 one that leads there: mapped, translated (NAT64) or tunnelled (6to4). */
function embeddedAddress(address: string): string {
  const plain = address.replace(/%.*$/, "");
  if (isIP(plain) !== 6) return plain;
  const groups = expand(plain);
  const high = groups.slice(0, 6).join(":");
  if (high === "0:0:0:0:0:ffff" || high === "64:ff9b:0:0:0:0" || isCompatible(groups))
    return dotted(groups[6], groups[7]);
  if (groups[0] === "2002") return dotted(groups[1], groups[2]);
  return plain;
}

/** `::a.b.c.d`, out of use but still understood here and there; `::` and `::1` are not of that kind. */
function isCompatible(groups: readonly string[]): boolean {
  return groups.slice(0, 6).every((group) => group === "0") && groups[6] !== "0";
}

/** The eight groups in short hex, as the URL standard writes them. */
function expand(address: string): string[] {
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  return [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
}

function dotted(high = "0", low = "0"): string {
  const value = Number.parseInt(high, 16) * 65_536 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) addRange(list, range);
  return list;
}

function addRange(list: BlockList, range: string): void {
  const [address = "", bits] = range.split("/");
  const version = isIP(address);
  const size = version === 6 ? 128 : 32;
  const prefix = bits === undefined ? size : Number(bits);
  if (version === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > size)
    throw new Fault("invalid", "request-invalid", `"${range}" is no range of addresses.`);
  list.addSubnet(address, prefix, version === 6 ? "ipv6" : "ipv4");
}

function holds(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
