import type { Unit } from "./finding.ts";

const KIB = 1024;
const units = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/** A number with separators, `3,000,000`. What nobody would count is "no limit". */
export function grouped(count: number): string {
  return count >= Number.MAX_SAFE_INTEGER ? "no limit" : count.toLocaleString("en-US", { maximumFractionDigits: 1 });
}

/** A number of things: `1 process`, `3,000 connections`. */
export function counted(count: number, thing: string): string {
  const plural = thing.endsWith("s") ? `${thing}es` : `${thing}s`;
  return `${grouped(count)} ${count === 1 ? thing : plural}`;
}

/** Bytes as a person reads them, with three digits: `11.2 GiB`. */
export function bytesInWords(bytes: number): string {
  if (bytes < KIB) return counted(bytes, "byte");
  let value = bytes / KIB;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= KIB;
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** A figure in its unit: bytes become larger ones, all others are counted. */
export function amount(count: number, unit: Unit): string {
  return unit === "bytes" ? bytesInWords(count) : grouped(count);
}
