import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { BelfryError } from "../errors.ts";
import { dialUrl, makeKey, writeDialRequest } from "../ws/index.ts";

/** Where connections go, and what each of them asks for. */
export interface Target {
  /** Numeric. */
  readonly address: string;
  readonly port: number;
  /** The key of the request: one for all, since a server that is measured does not look at it. */
  readonly key: string;
  /** The request for an upgrade. */
  readonly request: Uint8Array;
}

/**
 * Looks up the server that a URL names. Throws BELFRY_BAD_OPTION for a URL that is none, and for wss:, since netpoll
 * speaks no TLS.
 */
export async function findTarget(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Target> {
  const { protocol, hostname, port } = dialUrl(url);
  if (protocol === "wss:" || protocol === "https:") {
    throw new BelfryError(
      "BELFRY_BAD_OPTION",
      `${protocol} is not spoken here: name the server behind its proxy with ws:`,
    );
  }
  const host = hostname.replace(/^\[|\]$/g, "");
  const address = isIP(host) ? host : (await lookup(host)).address;
  const key = makeKey();
  return { address, port: Number(port || 80), key, request: writeDialRequest({ url, key, headers }) };
}
