import { getSystemErrorMap, getSystemErrorName } from "node:util";

/** The name of a `-errno` result: -104 is "ECONNRESET". An unknown number is given as it is. */
export function errnoName(result: number): string {
  if (result >= 0) return "";
  try {
    return getSystemErrorName(result);
  } catch {
    return `errno ${-result}`;
  }
}

/**
 * The `-errno` result of a name: "ECONNRESET" is -104 on Linux, and another number elsewhere. Throws for an unknown
 * name.
 */
export function errnoNumber(name: string): number {
  for (const [number, [known]] of getSystemErrorMap()) if (known === name) return number;
  throw new RangeError(`errno ${name} is unknown on this platform`);
}

/** The same of an error of Node's. Those of TLS and of streams have none: the peer broke a protocol, -EPROTO. */
export function errnoOf(error: NodeJS.ErrnoException): number {
  return error.errno !== undefined && error.errno < 0 ? error.errno : errnoNumber("EPROTO");
}
