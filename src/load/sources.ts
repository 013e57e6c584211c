import { isIPv4 } from "node:net";
import { BelfryError } from "../errors.ts";

/** More would be a slip of the pen: 65,536 addresses have ports for 1.8 thousand million connections. */
const SOURCES_MAX = 65_536;

/**
 * The addresses to connect from: `127.0.0.2-127.0.0.60`, single ones and ranges of IPv4 with commas between. Throws
 * BELFRY_BAD_OPTION for what is none.
 */
export function readSources(text: string): string[] {
  const all = text.split(",").flatMap((part) => range(part.trim()));
  if (all.length > SOURCES_MAX) throw bad(`${all.length} addresses are more than ${SOURCES_MAX}`);
  return all;
}

function range(part: string): string[] {
  const [first = "", last = first, ...more] = part.split("-").map((side) => side.trim());
  if (!isIPv4(first) || !isIPv4(last) || more.length > 0)
    throw bad(`${JSON.stringify(part)} is no address of IPv4 or range`);
  const [low, high] = [number(first), number(last)];
  if (high < low) throw bad(`${part} ends before it begins`);
  if (high - low >= SOURCES_MAX) throw bad(`${part} holds more than ${SOURCES_MAX} addresses`);
  return Array.from({ length: high - low + 1 }, (_, i) => text(low + i));
}

function number(address: string): number {
  return address.split(".").reduce((value, byte) => value * 256 + Number(byte), 0);
}

function text(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

function bad(what: string): BelfryError {
  return new BelfryError("BELFRY_BAD_OPTION", `source addresses: ${what}; allowed is 127.0.0.2-127.0.0.60,10.0.0.7`);
}
