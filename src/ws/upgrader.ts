import { BelfryError, HandshakeError } from "../errors.ts";
import { limits } from "../limits.ts";
import { answerText, headerLines } from "./answer.ts";
import { latin1Bytes } from "./characters.ts";
import { acceptDeflate, type DeflateAgreement, type DeflateAnswer, deflateDefaults } from "./deflate.ts";
import { RequestHead, readHead } from "./http-head.ts";
import { known } from "./known-headers.ts";
import { Negotiation, type NegotiationOptions } from "./negotiation.ts";
import { ANSWER_BYTES, asksForWebSocket, beginAnswer, checkUpgrade, endAnswer, writeLatin1 } from "./upgrade.ts";

/** Refuses an upgrade with an HTTP status, a reason that becomes the answer's body, and headers. */
export interface Refusal {
  readonly status: number;
  readonly reason?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a callback may return: a refusal, or nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: a callback that returns nothing lets the upgrade happen
export type Verdict = Refusal | undefined | void;

/** What the last callback may return: a refusal, or headers for the answer, or nothing. */
export type FinalVerdict = Verdict | { readonly headers: Readonly<Record<string, string>> };

/**
 * The callbacks see the head as offsets into the bytes that came, `ascii(head.bytes, from, to)` makes text of them;
 * head and bytes are valid until the callback returns, in `onBeforeUpgrade` until its promise settles. They are called
 * when the whole request is known to be valid.
 */
export interface UpgraderOptions extends NegotiationOptions {
  /** The request line: `head.targetFrom`, `head.targetTo`. */
  readonly onRequest?: (head: RequestHead) => Verdict;
  /** The value of Host, `head.bytes[from, to)`. */
  readonly onHost?: (head: RequestHead, from: number, to: number) => Verdict;
  /** Each header line: `head.nameFrom(index)`, `nameTo`, `valueFrom`, `valueTo`. */
  readonly onHeader?: (head: RequestHead, index: number) => Verdict;
  /** The last word; may be asynchronous. */
  readonly onBeforeUpgrade?: (head: RequestHead) => FinalVerdict | Promise<FinalVerdict>;
  /** What to ask for of permessage-deflate; true for {@link deflateDefaults}. Default: it is not offered. */
  readonly deflate?: boolean | Partial<DeflateAgreement>;
  /** Headers of every 101 answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Asynchronous upgrades that may be under way at once: 503 beyond. */
  readonly upgradesInFlightMax?: number;
}

/** How an upgrade ended. An {@link Upgrader} overwrites its own one at each call. */
export class UpgradeResult {
  /**
   * `more`: the head is not whole, come again with all of it. `upgraded`, `refused`: the answer is written. `later`:
   * {@link settled} tells.
   */
  state: "more" | "upgraded" | "refused" | "later" = "more";
  /** Bytes of the head; what follows are frames. */
  read = 0;
  /** Bytes of the answer. */
  written = 0;
  /** The status of the answer. */
  status = 0;
  /** Why it was refused. */
  reason = "";
  /** The subprotocol that was chosen, "" for none. */
  protocol = "";
  /** What was agreed on for permessage-deflate. */
  deflate: DeflateAgreement | undefined;
  /** The result of an asynchronous upgrade, with its answer. */
  settled: Promise<SettledUpgrade> | undefined;
}

/** The result of an asynchronous upgrade. */
export interface SettledUpgrade {
  readonly result: UpgradeResult;
  readonly answer: Uint8Array;
}

/**
 * The server's side of the opening handshake (RFC 6455, 4.2), from bytes to bytes: reads a request, asks the callbacks,
 * negotiates, and writes the answer. A synchronous upgrade allocates nothing that the callbacks do not.
 */
export class Upgrader {
  readonly #options: UpgraderOptions;
  readonly #negotiation: Negotiation;
  readonly #deflate: DeflateAgreement | undefined;
  readonly #headers: Uint8Array;
  readonly #result = new UpgradeResult();
  readonly #inFlightMax: number;
  #head = new RequestHead();
  #inFlight = 0;

  /** Throws BELFRY_BAD_OPTION for malformed headers or protocols. */
  constructor(options: UpgraderOptions = {}) {
    this.#options = options;
    this.#negotiation = new Negotiation(options);
    const { deflate = false } = options;
    if (deflate !== false) this.#deflate = deflate === true ? deflateDefaults : { ...deflateDefaults, ...deflate };
    this.#headers = latin1Bytes(headerLines(options.headers ?? {}));
    this.#inFlightMax = options.upgradesInFlightMax ?? limits.upgradesInFlightMax;
  }

  /**
   * Reads a request from `bytes[from, to)` and writes the answer to `out[at]`; the result is valid until the next call.
   * What a callback throws is thrown on. Throws BELFRY_LIMIT when `out` has no room for the answer.
   */
  upgrade(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): UpgradeResult {
    const head = this.#head;
    const result = begun(this.#result);
    try {
      result.read = readHead(bytes, from, to, head);
      if (result.read === 0) return result;
      if (!asksForWebSocket(head)) throw new HandshakeError(426, "this is no upgrade to a WebSocket", UPGRADE);
      checkUpgrade(head);
      const refusal = this.#ask(head);
      if (refusal) return refuse(result, refusal, out, at);
      if (this.#inFlight >= this.#inFlightMax) return refuse(result, this.#busy(), out, at);
      const verdict = this.#options.onBeforeUpgrade?.(head);
      if (isPromise(verdict)) return this.#wait(result, verdict, bytes, from);
      return this.#settle(result, head, verdict, out, at);
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      return refuse(result, { status: error.status, reason: error.message, headers: error.headers }, out, at);
    }
  }

  #ask(head: RequestHead): Verdict {
    const { onRequest, onHost, onHeader } = this.#options;
    let refusal = onRequest?.(head);
    if (refusal) return refusal;
    const host = head.known[known.HOST] as number;
    refusal = onHost?.(head, head.valueFrom(host), head.valueTo(host));
    if (refusal || !onHeader) return refusal;
    for (let i = 0; i < head.count; i++) {
      refusal = onHeader(head, i);
      if (refusal) return refusal;
    }
    return undefined;
  }

  #settle(result: UpgradeResult, head: RequestHead, verdict: FinalVerdict, out: Uint8Array, at: number): UpgradeResult {
    if (verdict && "status" in verdict) return refuse(result, verdict, out, at);
    const deflate = this.#deflate ? acceptDeflate(head, this.#deflate) : undefined;
    this.#negotiation.negotiate(head, deflate !== undefined);
    const own = verdict?.headers ? headerLines(verdict.headers) : "";
    this.#write(result, head, deflate, own, out, at);
    result.state = "upgraded";
    result.status = 101;
    result.protocol = this.#negotiation.protocol;
    result.deflate = deflate;
    return result;
  }

  #write(
    result: UpgradeResult,
    head: RequestHead,
    deflate: DeflateAnswer | undefined,
    own: string,
    out: Uint8Array,
    at: number,
  ): void {
    const { protocolLine, extensionLine } = this.#negotiation;
    const deflateLine = deflate?.headerLine ?? NOTHING;
    const extra = protocolLine.length + extensionLine.length + deflateLine.length + own.length + this.#headers.length;
    checkRoom(out, at, ANSWER_BYTES + extra);
    let end = beginAnswer(head, out, at);
    end = writeBytes(out, end, protocolLine);
    end = writeBytes(out, end, deflateLine);
    end = writeBytes(out, end, extensionLine);
    end = writeBytes(out, end, this.#headers);
    end = writeLatin1(out, end, own);
    result.written = endAnswer(out, end) - at;
  }

  /** The head moves out of the caller's bytes, which are gone when the callback has decided. */
  #wait(result: UpgradeResult, verdict: Promise<FinalVerdict>, bytes: Uint8Array, from: number): UpgradeResult {
    const head = this.#head;
    // Not `bytes.slice`, which makes a view of a Buffer.
    head.moveTo(Uint8Array.prototype.slice.call(bytes, from, from + result.read), from);
    this.#head = new RequestHead();
    this.#inFlight++;
    const later = begun(new UpgradeResult());
    later.read = result.read;
    const settle = (how: FinalVerdict) => this.#settled(later, head, how);
    result.state = "later";
    result.settled = verdict.then(settle).finally(() => {
      this.#inFlight--;
    });
    return result;
  }

  #busy(): Refusal {
    return { status: 503, reason: `upgradesInFlightMax is ${this.#inFlightMax}`, headers: { "Retry-After": "1" } };
  }

  #settled(result: UpgradeResult, head: RequestHead, verdict: FinalVerdict): SettledUpgrade {
    const out = new Uint8Array(limits.headBytesMax);
    try {
      this.#settle(result, head, verdict, out, 0);
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      refuse(result, { status: error.status, reason: error.message, headers: error.headers }, out, 0);
    }
    return { result, answer: out.slice(0, result.written) };
  }
}

const NOTHING = new Uint8Array(0);
const UPGRADE = { Upgrade: "websocket" };

function begun(result: UpgradeResult): UpgradeResult {
  result.state = "more";
  result.read = 0;
  result.written = 0;
  result.status = 0;
  result.reason = "";
  result.protocol = "";
  result.deflate = undefined;
  result.settled = undefined;
  return result;
}

function refuse(result: UpgradeResult, refusal: Refusal, out: Uint8Array, at: number): UpgradeResult {
  const { status, reason = "refused", headers } = refusal;
  if (!Number.isInteger(status) || status < 300 || status > 599) {
    throw new BelfryError("BELFRY_BAD_OPTION", `the status of a refusal is ${status}; allowed are 300 to 599`);
  }
  const text = answerText(status, reason, headers);
  checkRoom(out, at, text.length);
  result.state = "refused";
  result.status = status;
  result.reason = reason;
  result.written = writeLatin1(out, at, text) - at;
  return result;
}

function writeBytes(out: Uint8Array, at: number, bytes: Uint8Array): number {
  if (bytes.length > 0) out.set(bytes, at);
  return at + bytes.length;
}

function checkRoom(out: Uint8Array, at: number, bytes: number): void {
  if (at + bytes <= out.length) return;
  throw new BelfryError(
    "BELFRY_LIMIT",
    `the answer has ${bytes} bytes, and there is room for ${Math.max(0, out.length - at)}: give a larger array`,
  );
}

function isPromise(value: unknown): value is Promise<FinalVerdict> {
  return typeof value === "object" && value !== null && "then" in value;
}
