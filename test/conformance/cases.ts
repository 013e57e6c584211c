import { bytesOf, type Payload } from "./payloads.ts";

/** What a case is, and the short words that the tables of the sections are written in. */

/** RFC 6455, 5.2. */
export const op = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

/** A frame to send, as it stands: nothing is put right. It is masked if the tester plays the client. */
export interface Frame {
  readonly opcode: number;
  readonly payload: Payload;
  /** Default true. */
  readonly fin?: boolean;
  /** The reserved bits as a number, RSV1 being 4. */
  readonly rsv?: number;
  /** Masked by a server, or not masked by a client (5.1). */
  readonly wronglyMasked?: boolean;
  /** The masking key, if there is one; otherwise a random one. */
  readonly key?: readonly number[];
  /** The width of the length field, 7, 16 or 64 bits; otherwise the least. */
  readonly lengthBits?: 7 | 16 | 64;
  /** What the header announces, instead of the payload's length. */
  readonly announced?: bigint;
}

/** A message that is compressed on a connection that has agreed on permessage-deflate (RFC 7692). */
export interface Compressed {
  readonly compress: Payload;
  readonly opcode: number;
  /** zlib's, default 6. */
  readonly level?: number;
  /** zlib's, default Z_DEFAULT_STRATEGY. */
  readonly strategy?: number;
  /** Bytes of each fragment of the compressed payload; otherwise there is one frame. */
  readonly fragmentBytes?: number;
  /** Sent after each fragment but the last. */
  readonly between?: Frame;
}

/** Waits until so many replies have come. */
export interface Pause {
  readonly untilReplies: number;
}

/** Octets that are no frame, such as the rest of one. */
export interface Octets {
  readonly octets: Uint8Array;
}

/** What the tester does next. */
export type Step = Frame | Compressed | Pause | Octets;

/** How the octets are cut into writes, a turn of the event loop after each: nowhere, at each, every n, at random. */
export type Chop = "whole" | "octets" | number | { readonly seed: number };

/** A message or a control frame that comes back; fragments are joined, what was compressed is decompressed. */
export interface Reply {
  readonly opcode: number;
  readonly payload: Payload;
}

/** What must come back, in this order and nothing else, and how the connection ends. */
export interface Expectation {
  readonly replies: readonly Reply[];
  /**
   * "clean": the tester closes with 1000 once the replies are there, and is answered 1000. Otherwise the close codes of
   * which the endpoint must send one, in answer or because it fails the connection; 1005 is an empty close frame.
   */
  readonly end: "clean" | readonly number[];
}

/** One case: what is sent, and what must come of it. */
export interface Case {
  /** Its number, which begins with that of Autobahn's section; unique. */
  readonly section: string;
  /** What it proves, as a sentence. */
  readonly name: string;
  /** Where the RFC says so. */
  readonly clause: string;
  readonly send: readonly Step[];
  /** Sent as well to endpoints that are known not to fail at the first wrong octet, but at the message's end. */
  readonly rest?: readonly Step[];
  readonly expect: Expectation;
  /** Default: whole; and if it is short, also octet by octet and in random cuts. */
  readonly chops?: readonly Chop[];
  /** Says that it can be asked of one kind of endpoint only. */
  readonly role?: "server" | "client";
  /** What must have been agreed on for the case to make sense; see {@link Agreement} in deflate.ts. */
  readonly needs?: "own takeover" | "no own takeover" | "own window 15";
}

/** The largest message that the endpoints under test are set up to take. */
export const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;

/** A frame of a kind. */
export function text(payload: Payload, extra: Partial<Frame> = {}): Frame {
  return { opcode: op.TEXT, payload, ...extra };
}
export function binary(payload: Payload, extra: Partial<Frame> = {}): Frame {
  return { opcode: op.BINARY, payload, ...extra };
}
export function continuation(payload: Payload, extra: Partial<Frame> = {}): Frame {
  return { opcode: op.CONTINUATION, payload, ...extra };
}
export function ping(payload: Payload = "", extra: Partial<Frame> = {}): Frame {
  return { opcode: op.PING, payload, ...extra };
}
export function pong(payload: Payload = "", extra: Partial<Frame> = {}): Frame {
  return { opcode: op.PONG, payload, ...extra };
}
/** More fragments are to come. */
export const more = { fin: false } as const;

/** A close frame; without a code an empty one. */
export function close(code?: number, reason: Payload = "", extra: Partial<Frame> = {}): Frame {
  const payload = code === undefined ? "" : Buffer.concat([Buffer.from([code >> 8, code & 255]), bytesOf(reason)]);
  return { opcode: op.CLOSE, payload, ...extra };
}

/** A message in fragments of so many bytes. */
export function fragments(opcode: number, payload: Payload, fragmentBytes: number): Frame[] {
  const bytes = bytesOf(payload);
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; at += fragmentBytes) {
    frames.push({
      opcode: at === 0 ? opcode : op.CONTINUATION,
      payload: bytes.subarray(at, at + fragmentBytes),
      fin: at + fragmentBytes >= bytes.length,
    });
  }
  return frames;
}

/** A message in fragments that are given one by one. */
export function inPieces(opcode: number, pieces: readonly Payload[]): Frame[] {
  return pieces.map((payload, i) => ({
    opcode: i === 0 ? opcode : op.CONTINUATION,
    payload,
    fin: i === pieces.length - 1,
  }));
}

/** A case before it has its number. */
export type Unnumbered = Omit<Case, "section">;

/** Numbers cases; new ones are added at the end of their table, so that the numbers stay. */
export function numbered(section: string, cases: readonly Unnumbered[]): Case[] {
  return cases.map((one, i) => ({ section: `${section}.${i + 1}`, ...one }));
}

/** A case in which all is well: everything is echoed, and the connection closes cleanly. */
export function well(name: string, clause: string, send: readonly Step[], extra: Partial<Case> = {}): Unnumbered {
  return { name, clause, send, expect: { replies: echoes(send), end: "clean" }, ...extra };
}

/** A case in which the endpoint fails the connection, or answers a close, with one of `codes`, after `replies`. */
export function ends(
  codes: number | readonly number[],
  name: string,
  clause: string,
  send: readonly Step[],
  replies: readonly Reply[] = [],
  extra: Partial<Case> = {},
): Unnumbered {
  return { name, clause, send, expect: { replies, end: typeof codes === "number" ? [codes] : codes }, ...extra };
}

/** What an echo endpoint sends back to these steps, if none of them breaks a rule. */
export function echoes(steps: readonly Step[]): Reply[] {
  const replies: Reply[] = [];
  let opcode: number = op.CONTINUATION;
  let parts: Payload[] = [];
  for (const step of steps.flatMap(framesOf)) {
    if (step.opcode === op.PING) replies.push({ opcode: op.PONG, payload: step.payload });
    if (step.opcode >= op.CLOSE) continue;
    if (step.opcode !== op.CONTINUATION) opcode = step.opcode;
    parts.push(step.payload);
    if (step.fin === false) continue;
    const payload = parts.length === 1 ? (parts[0] as Payload) : Buffer.concat(parts.map(bytesOf));
    replies.push({ opcode, payload });
    parts = [];
  }
  return replies;
}

/** What a step is to an endpoint that decompresses: for {@link echoes}. */
function framesOf(step: Step): readonly Frame[] {
  if ("untilReplies" in step || "octets" in step) return [];
  if (!("compress" in step)) return [step];
  // How many fragments there will be, and with them frames between, is not known before the message is compressed.
  if (step.between) throw new Error("echoes: write down what comes back to a message with frames between");
  return [{ opcode: step.opcode, payload: step.compress }];
}
