import { BelfryError, HandshakeError } from "../errors.ts";
import {
  ANSWER_BYTES,
  answerText,
  ascii,
  asksForWebSocket,
  type Buffers,
  checkUpgrade,
  findHeadEnd,
  headerLines,
  RequestHead,
  readHead,
  UpgradeRequest,
  writeAnswer,
} from "../ws/index.ts";
import { isThenable } from "./application.ts";
import { type Columns, phases } from "./columns.ts";
import type { Compression } from "./compression.ts";
import type { Outbox } from "./outbox.ts";
import type { Sender } from "./sender.ts";

/**
 * Lets the upgrade happen, with a protocol and headers for the answer, and a first value of the connection's `data`.
 */
export interface Acceptance<Data = unknown> {
  protocol?: string;
  headers?: Readonly<Record<string, string>>;
  data?: Data;
  /** False keeps this connection without permessage-deflate, though the server has it. */
  deflate?: boolean;
}

/** Refuses the upgrade with an HTTP status from 400 to 599 and a reason, which is the answer's body. */
export interface Rejection {
  status: number;
  reason?: string;
  headers?: Readonly<Record<string, string>>;
}

/** How an upgrade handler decides; undefined accepts without a protocol, headers or data. */
export type UpgradeDecision<Data = unknown> = undefined | Acceptance<Data> | Rejection;

/** What the handshake needs of the other parts; bytes that it hands on are valid until the call returns. */
export interface HandshakeParts {
  readonly columns: Columns;
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly buffers: Buffers;
  readonly compression: Compression;
  readonly headBytesMax: number;
  /** The application's decision; without it every valid upgrade is accepted. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing accepts
  readonly decide: ((request: UpgradeRequest) => void | UpgradeDecision | Promise<void | UpgradeDecision>) | undefined;
  readonly saturated: () => boolean;
  readonly hold: (fd: number, bytes: Uint8Array, from: number, to: number) => void;
  /** Stops reading until `work` is over, and goes on then, unless the connection is gone. */
  readonly until: (fd: number, work: Promise<() => void>) => void;
  readonly peer: (fd: number) => string;
  /** A request that is not for a WebSocket: takes the descriptor and what was read. False when nobody wants it. */
  readonly handOver: (fd: number, bytes: Uint8Array, from: number, to: number) => boolean;
  /** The connection is open; what it has already sent is `bytes[from, to)`. */
  readonly opened: (fd: number, data: unknown, bytes: Uint8Array, from: number, to: number) => void;
  /** The answer to a refused request is written: the connection is to end. */
  readonly refused: (fd: number) => void;
  readonly threw: (error: unknown) => void;
}

/** A head that has come in part. */
interface Partial {
  bytes: Uint8Array;
  length: number;
}

/** The opening handshake (RFC 6455, 4.2) of connections in the phases HEAD and UPGRADING. */
export class Handshake {
  readonly #parts: HandshakeParts;
  readonly #partials = new Map<number, Partial>();
  #head = new RequestHead();

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
  }

  /** Takes bytes of a connection whose head is not whole. */
  take(fd: number, bytes: Uint8Array, from: number, to: number): void {
    if (this.#parts.saturated()) return this.#parts.hold(fd, bytes, from, to);
    try {
      const partial = this.#partials.get(fd);
      if (partial) this.#readOn(fd, partial, bytes, from, to);
      else this.#begin(fd, bytes, from, to);
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      this.refuse(fd, error.status, error.message, error.headers);
    }
  }

  /** Answers a request with an HTTP status, and ends the connection. */
  refuse(fd: number, status: number, reason: string, headers: Readonly<Record<string, string>> = {}): void {
    this.forget(fd);
    this.#parts.columns.counts.refused(status);
    this.#parts.sender.raw(fd, answerText(status, reason, headers));
    this.#parts.refused(fd);
  }

  /** Drops what is kept for a connection. */
  forget(fd: number): void {
    const partial = this.#partials.get(fd);
    if (!partial) return;
    this.#partials.delete(fd);
    this.#parts.buffers.give(partial.bytes);
  }

  #begin(fd: number, bytes: Uint8Array, from: number, to: number): void {
    const size = readHead(bytes, from, to, this.#head);
    this.#checkSize(size === 0 ? to - from : size);
    if (size > 0) return this.#whole(fd, bytes, from, from + size, to);
    const partial = { bytes: this.#parts.buffers.take(to - from), length: to - from };
    partial.bytes.set(bytes.subarray(from, to));
    this.#partials.set(fd, partial);
  }

  /**
   * Appends, and looks for the end in what is new only: a head that comes byte by byte is read once, when it is whole.
   */
  #readOn(fd: number, partial: Partial, bytes: Uint8Array, from: number, to: number): void {
    const { buffers, headBytesMax } = this.#parts;
    const searched = Math.max(0, partial.length - 3);
    const length = partial.length + to - from;
    if (length > partial.bytes.length) {
      const larger = buffers.take(Math.max(length, Math.min(partial.bytes.length * 2, headBytesMax)));
      larger.set(partial.bytes.subarray(0, partial.length));
      buffers.give(partial.bytes);
      partial.bytes = larger;
    }
    partial.bytes.set(bytes.subarray(from, to), partial.length);
    partial.length = length;
    const end = findHeadEnd(partial.bytes, searched, length);
    this.#checkSize(end < 0 ? length : end);
    if (end < 0) return;
    this.#partials.delete(fd);
    try {
      const size = readHead(partial.bytes, 0, length, this.#head);
      if (size === 0) throw new HandshakeError(400, "the head is malformed");
      this.#whole(fd, partial.bytes, 0, size, length);
    } finally {
      buffers.give(partial.bytes);
    }
  }

  #checkSize(bytes: number): void {
    const { headBytesMax } = this.#parts;
    if (bytes > headBytesMax) throw new HandshakeError(431, `headBytesMax is ${headBytesMax} (option headBytesMax)`);
  }

  /** The head is `bytes[from, end)`; more has come up to `to`. */
  #whole(fd: number, bytes: Uint8Array, from: number, end: number, to: number): void {
    const { decide, handOver, peer } = this.#parts;
    const head = this.#head;
    if (!asksForWebSocket(head)) {
      if (handOver(fd, bytes, from, to)) return;
      throw new HandshakeError(426, "only WebSockets are served here", { Upgrade: "websocket" });
    }
    checkUpgrade(head);
    if (!decide) return this.#accept(fd, head, undefined, bytes, end, to);
    const request = new UpgradeRequest(head, () => peer(fd));
    let decision: ReturnType<typeof decide>;
    try {
      decision = decide(request);
    } catch (error) {
      return this.#failed(fd, request, error);
    }
    if (isThenable(decision)) return this.#wait(fd, request, decision, bytes, from, end, to);
    request.expire();
    this.#settle(fd, head, decision as UpgradeDecision, bytes, end, to);
  }

  /** The decision takes time: the head moves out of the slab, and the connection is not read from. */
  #wait(
    fd: number,
    request: UpgradeRequest,
    // biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing accepts
    decision: Promise<void | UpgradeDecision>,
    bytes: Uint8Array,
    from: number,
    end: number,
    to: number,
  ): void {
    const { columns, hold, until } = this.#parts;
    const head = this.#head;
    head.moveTo(Uint8Array.prototype.slice.call(bytes, from, end), from);
    this.#head = new RequestHead();
    columns.enter(fd, phases.UPGRADING);
    hold(fd, bytes, end, to);
    const settled = Promise.resolve(decision).then(
      (result) => () => {
        request.expire();
        this.#settle(fd, head, result as UpgradeDecision, head.bytes, 0, 0);
      },
      (error: unknown) => () => this.#failed(fd, request, error),
    );
    until(fd, settled);
  }

  #failed(fd: number, request: UpgradeRequest, error: unknown): void {
    request.expire();
    this.#parts.threw(error);
    if (this.#isUndecided(fd)) this.refuse(fd, 500, "the upgrade failed");
  }

  /** Whether the connection still waits for its decision: it may have been answered, for want of time, or be gone. */
  #isUndecided(fd: number): boolean {
    const phase = this.#parts.columns.phase[fd];
    return phase === phases.HEAD || phase === phases.UPGRADING;
  }

  #settle(fd: number, head: RequestHead, decision: UpgradeDecision, bytes: Uint8Array, from: number, to: number): void {
    if (!this.#isUndecided(fd)) return;
    try {
      const rejection = asRejection(decision);
      if (rejection) this.refuse(fd, rejection.status, rejection.reason ?? "refused", rejection.headers);
      else this.#accept(fd, head, decision as Acceptance | undefined, bytes, from, to);
    } catch (error) {
      this.#parts.threw(error);
      if (this.#isUndecided(fd)) this.refuse(fd, 500, "the upgrade failed");
    }
  }

  #accept(
    fd: number,
    head: RequestHead,
    how: Acceptance | undefined,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): void {
    const { columns, outbox, compression, opened } = this.#parts;
    const deflate = how?.deflate === false ? undefined : compression.answer(head);
    let extra = deflate ? ascii(deflate.headerLine, 0, deflate.headerLine.length) : "";
    if (how?.protocol !== undefined) extra += headerLines({ "Sec-WebSocket-Protocol": how.protocol });
    if (how?.headers) extra += headerLines(how.headers);
    const at = outbox.room(ANSWER_BYTES + extra.length);
    outbox.commit(fd, at, writeAnswer(head, outbox.slab, at, extra));
    columns.enter(fd, phases.OPEN);
    columns.counts.opened++;
    if (deflate) compression.begin(fd, deflate);
    opened(fd, how?.data, bytes, from, to);
  }
}

/**
 * The rejection in a decision, if it is one. Throws for what is no decision at all: a mistake must not let anybody in.
 */
function asRejection(decision: unknown): Rejection | undefined {
  if (decision === undefined) return undefined;
  if (typeof decision !== "object" || decision === null) {
    throw new BelfryError(
      "BELFRY_BAD_OPTION",
      `upgrade: the decision is ${decision}; allowed are nothing and an object`,
    );
  }
  if (!("status" in decision)) return undefined;
  const { status } = decision as Rejection;
  if (Number.isInteger(status) && status >= 400 && status <= 599) return decision as Rejection;
  throw new BelfryError("BELFRY_BAD_OPTION", `upgrade: status is ${status}; allowed are 400 to 599`);
}
