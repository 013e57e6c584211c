import { isIPv6 } from "node:net";

/**
 * What one client has of the address space: an IPv4 address as it is, also where it is written as an IPv6 one
 * (RFC 4291, 2.5.5.2), and of an IPv6 address the first 64 bits, since everybody has all addresses of such a network.
 * Anything else is returned as it is.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [plain = ""] = address.toLowerCase().split("%");
  const dotted = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (dotted !== undefined) return dotted;
  const [head = "", tail] = plain.split("::");
  const first = head === "" ? [] : head.split(":");
  // Where "::" stands there are as many groups of zero as are missing; those at the end do not matter here.
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const lastGroups = last.length + (tail?.includes(".") ? 1 : 0);
  const zeros = tail === undefined ? 0 : 8 - first.length - lastGroups;
  const groups = [...first, ...Array.from({ length: zeros }, () => "0"), ...last].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
