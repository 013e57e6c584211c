import { isIP } from "node:net";
import { BelfryError } from "../errors.ts";
import { limits } from "../limits.ts";
import {
  checkDialResponse,
  type DialAgreement,
  type DialRequest,
  dialUrl,
  makeKey,
  writeDialRequest,
} from "../ws/index.ts";
import { connectNet } from "./connect-net.ts";
import { explained } from "./connection-error.ts";
import { Patience } from "./patience.ts";
import { readAnswer } from "./read-answer.ts";
import type { Connect, Target, Transport } from "./transport.ts";

/** How to dial; what is offered is that of {@link DialRequest}. Defaults of the limits are in limits.ts. */
export interface DialOptions extends Omit<DialRequest, "url" | "key"> {
  /** Gives the dial up; once `dial` has resolved it means nothing any more. */
  readonly signal?: AbortSignal | undefined;
  /** From the first look for the server to the whole head of its answer. */
  readonly dialSecondsMax?: number;
  readonly headBytesMax?: number;
  /** Default: `connectNet()`. */
  readonly connect?: Connect;
}

/**
 * An open WebSocket as a transport: frames come from `source`, those that came right behind the answer among them, and
 * frames of a client are to be written. When the reader of `source` leaves before the end, the sending side is ended,
 * and the connection closed as soon as the peer ends too, after closeSecondsMax at the latest.
 */
export interface Dialed extends DialAgreement, Transport {}

/**
 * Opens a WebSocket (RFC 6455, 4.1). Rejects with BELFRY_BAD_OPTION before anything is done; with HandshakeError when
 * the server refused (its own status, redirects included, which are not followed) or broke a rule (502); with
 * ConnectionError for everything else. Then nothing is left of the connection.
 */
export async function dial(url: string | URL, options: DialOptions = {}): Promise<Dialed> {
  const { protocols = [], extensions = "", headers = {}, connect = connectNet(), signal } = options;
  const dialSecondsMax = bounded("dialSecondsMax", options.dialSecondsMax, 86_400);
  const headBytesMax = bounded("headBytesMax", options.headBytesMax, 2 ** 30);
  const to = dialUrl(url);
  const key = makeKey();
  const request = writeDialRequest({ url: to, key, protocols, extensions, headers });
  const what = `dial ${to.protocol}//${to.host}${to.pathname}`;
  const patience = new Patience(dialSecondsMax, signal);
  let transport: Transport | undefined;
  try {
    patience.signal.throwIfAborted();
    transport = await patience.until(connect(targetOf(to), patience.signal), (late) => late.destroy());
    patience.waitingFor = "the whole answer";
    const chunks = transport.source[Symbol.asyncIterator]();
    transport.write(request);
    const { head, rest } = await readAnswer(() => patience.until(chunks.next()), headBytesMax);
    return dialed(checkDialResponse(head, { key, protocols, extensions }), transport, rest, chunks);
  } catch (error) {
    transport?.destroy();
    throw explained(what, error);
  } finally {
    patience.end();
  }
}

function dialed(
  agreement: DialAgreement,
  transport: Transport,
  rest: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
): Dialed {
  return {
    ...agreement,
    source: following(rest, chunks, transport),
    write: (bytes) => transport.write(bytes),
    end: () => transport.end(),
    destroy: () => transport.destroy(),
  };
}

/** What is left of the first bytes, and then the others. */
async function* following(
  rest: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
  transport: Transport,
): AsyncGenerator<Uint8Array> {
  let left = true;
  try {
    if (rest.length > 0) yield rest;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    left = false;
  } finally {
    if (left) void linger(transport, chunks);
  }
}

/**
 * Its reader went before the end, after a close frame mostly. A socket that is closed while unread bytes lie in the
 * kernel is reset, and what was sent to the peer is lost; so what still comes is read and thrown away, for a while. A
 * connection that broke is closed already.
 */
async function linger(transport: Transport, chunks: AsyncIterator<Uint8Array>): Promise<void> {
  transport.end();
  const timer = setTimeout(() => transport.destroy(), limits.closeSecondsMax * 1000);
  try {
    while (!(await chunks.next()).done);
  } catch {
  } finally {
    clearTimeout(timer);
    transport.destroy();
  }
}

function targetOf(url: URL): Target {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const tls = url.protocol === "wss:" || url.protocol === "https:";
  const port = url.port === "" ? (tls ? 443 : 80) : Number(url.port);
  return { host, port, tls, servername: isIP(host) ? "" : host };
}

function bounded(name: "dialSecondsMax" | "headBytesMax", given: number | undefined, max: number): number {
  const value = given ?? limits[name];
  if (value > 0 && value <= max) return value;
  throw new BelfryError("BELFRY_BAD_OPTION", `dial: option ${name} is ${value}; allowed are numbers up to ${max}`);
}
