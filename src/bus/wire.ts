import { BelfryError } from "../errors.ts";

/** The NATS client protocol (docs.nats.io, "NATS Protocol"), read and written on bytes, for both ends. */

/** What an operation is. */
export const ops = {
  CONNECT: 1,
  PUB: 2,
  HPUB: 3,
  SUB: 4,
  UNSUB: 5,
  PING: 6,
  PONG: 7,
  INFO: 8,
  MSG: 9,
  HMSG: 10,
  OK: 11,
  ERR: 12,
} as const;

/** A violation of the protocol: the connection is to be told `message` as `-ERR`, and closed. */
export class WireError extends BelfryError {
  override readonly name = "WireError";
  constructor(message: string) {
    super("BELFRY_WIRE", message);
  }
}

/** What {@link readOp} checks against. */
export interface WireLimits {
  /** Most bytes of the arguments of an operation: its line without its name and its line end. */
  readonly controlLineBytesMax: number;
  /** Largest payload, its headers included. */
  readonly payloadBytesMax: number;
}

/**
 * One operation, as offsets into the bytes that it was read from; used again for each, so that none costs an object.
 * What an operation has not is empty: from and to are equal.
 */
export class Op {
  kind = 0;
  /** PUB, HPUB, SUB, MSG, HMSG: the subject. CONNECT, INFO, -ERR: the rest of the line. */
  subjectFrom = 0;
  subjectTo = 0;
  /** PUB, HPUB, MSG, HMSG: the reply subject. SUB: the queue group. */
  replyFrom = 0;
  replyTo = 0;
  /** SUB, UNSUB, MSG, HMSG. */
  sidFrom = 0;
  sidTo = 0;
  /** UNSUB: after how many messages; 0 for at once. */
  max = 0;
  /** HPUB, HMSG: bytes of the headers, with which the payload begins. */
  headerBytes = 0;
  /** PUB, HPUB, MSG, HMSG: the payload, without its line end. */
  payloadFrom = 0;
  payloadTo = 0;
  /** Behind the operation; of one that is not whole yet, where it will end, 0 when its line is not whole. */
  end = 0;
}

const SPACE = 32;
const TAB = 9;
const CR = 13;
const LF = 10;
const [UPPER_P, UPPER_U, UPPER_B] = [0x50, 0x55, 0x42];
const DIGITS_MAX = 9;
/** What a line has besides its arguments, at most: the longest name, a space, and the line end. */
const LINE_BYTES = "CONNECT \r\n".length;
/** The arguments of the operations with most of them: HMSG subject sid reply header-bytes total-bytes. */
const ARGUMENTS_MAX = 5;

/** Where the arguments of the line lie: from and to of each. */
const found = new Int32Array(ARGUMENTS_MAX * 2);

/**
 * Reads the operation that begins at `bytes[from]`; false when it is not whole: `op.end` says what is missing.
 * Throws WireError.
 */
export function readOp(bytes: Uint8Array, from: number, to: number, op: Op, limits: WireLimits): boolean {
  if (readPlainPub(bytes, from, to, op, limits)) return true;
  const lineEnd = endOfLine(bytes, from, to, limits.controlLineBytesMax);
  if (lineEnd < 0) {
    op.end = 0;
    return false;
  }
  let at = from;
  while (at < lineEnd && bytes[at] !== SPACE && bytes[at] !== TAB && bytes[at] !== CR) at++;
  const kind = kindOf(bytes, from, at);
  op.kind = kind;
  op.end = lineEnd + 1;
  const end = lineEnd > at && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
  while (at < end && isBlank(bytes[at])) at++;
  if (end - at > limits.controlLineBytesMax) lineTooLong();
  switch (kind) {
    case ops.PING:
    case ops.PONG:
    case ops.OK:
      return true;
    case ops.CONNECT:
    case ops.INFO:
    case ops.ERR:
      op.subjectFrom = at;
      op.subjectTo = end;
      return true;
  }
  if (at === end) unknown();
  const count = split(bytes, at, end);
  if (kind === ops.SUB) {
    if (count !== 2 && count !== 3) malformed("SUB");
    setSubject(op, 0);
    setReply(op, count === 3 ? 1 : -1);
    setSid(op, count - 1);
    return true;
  }
  if (kind === ops.UNSUB) {
    if (count !== 1 && count !== 2) malformed("UNSUB");
    setSid(op, 0);
    op.max = count === 2 ? numberAt(bytes, 1) : 0;
    return true;
  }
  return readMessage(bytes, to, op, count, limits);
}

/**
 * `PUB subject size`, the commonest operation in its commonest form, in one pass. False for all else: another form, a
 * fault, or one that is not whole.
 */
function readPlainPub(bytes: Uint8Array, from: number, to: number, op: Op, limits: WireLimits): boolean {
  if (bytes[from] !== UPPER_P || bytes[from + 1] !== UPPER_U || bytes[from + 2] !== UPPER_B) return false;
  const subjectFrom = from + 4;
  const last = Math.min(to, from + limits.controlLineBytesMax);
  let at = subjectFrom;
  for (; at < last; at++) {
    // What stands below the space are the tab and the line's end.
    if ((bytes[at] as number) <= SPACE) break;
  }
  if (bytes[from + 3] !== SPACE || bytes[at] !== SPACE || at === subjectFrom) return false;
  const digits = at + 1;
  const lastDigit = Math.min(last, digits + DIGITS_MAX);
  let size = 0;
  let i = digits;
  for (; i < lastDigit; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) break;
    size = size * 10 + digit;
  }
  const payloadFrom = i + 2;
  const payloadTo = payloadFrom + size;
  if (i === digits || payloadTo + 2 > to || size > limits.payloadBytesMax) return false;
  if (bytes[i] !== CR || bytes[i + 1] !== LF || bytes[payloadTo] !== CR || bytes[payloadTo + 1] !== LF) return false;
  op.kind = ops.PUB;
  op.subjectFrom = subjectFrom;
  op.subjectTo = at;
  op.replyFrom = 0;
  op.replyTo = 0;
  op.headerBytes = 0;
  op.payloadFrom = payloadFrom;
  op.payloadTo = payloadTo;
  op.end = payloadTo + 2;
  return true;
}

/** PUB, HPUB, MSG and HMSG: a line, and a payload of the length that it says. */
function readMessage(bytes: Uint8Array, to: number, op: Op, count: number, limits: WireLimits): boolean {
  const { kind } = op;
  const hasSid = kind === ops.MSG || kind === ops.HMSG;
  const hasHeaders = kind === ops.HPUB || kind === ops.HMSG;
  const fixed = 2 + (hasSid ? 1 : 0) + (hasHeaders ? 1 : 0);
  if (count !== fixed && count !== fixed + 1) malformed(`${hasHeaders ? "H" : ""}${hasSid ? "MSG" : "PUB"}`);
  setSubject(op, 0);
  if (hasSid) setSid(op, 1);
  setReply(op, count === fixed ? -1 : hasSid ? 2 : 1);
  const size = numberAt(bytes, count - 1);
  op.headerBytes = hasHeaders ? numberAt(bytes, count - 2) : 0;
  if (op.headerBytes > size) malformed("size of headers");
  if (size > limits.payloadBytesMax) throw new WireError("Maximum Payload Violation");
  op.payloadFrom = op.end;
  op.payloadTo = op.end + size;
  op.end = op.payloadTo + 2;
  if (op.end > to) return false;
  // What stands where the line end should is taken for the next operation, as nats-server does.
  if (bytes[op.payloadTo] !== CR || bytes[op.payloadTo + 1] !== LF) unknown();
  return true;
}

/** The offset of the line feed; -1 when it has not come yet. */
function endOfLine(bytes: Uint8Array, from: number, to: number, lineBytesMax: number): number {
  const last = Math.min(to, from + lineBytesMax + LINE_BYTES);
  for (let i = from; i < last; i++) if (bytes[i] === LF) return i;
  if (to - from >= lineBytesMax + LINE_BYTES) lineTooLong();
  return -1;
}

/** Which operation a name is, whatever its case. */
function kindOf(bytes: Uint8Array, from: number, to: number): number {
  const first = (bytes[from] as number) | 0x20;
  switch (to - from) {
    case 3:
      if (first === P && is(bytes, from, "pub")) return ops.PUB;
      if (first === S && is(bytes, from, "sub")) return ops.SUB;
      if (first === M && is(bytes, from, "msg")) return ops.MSG;
      if (is(bytes, from, "+ok")) return ops.OK;
      break;
    case 4:
      if (first === P && is(bytes, from, "ping")) return ops.PING;
      if (first === P && is(bytes, from, "pong")) return ops.PONG;
      if (first === H && is(bytes, from, "hpub")) return ops.HPUB;
      if (first === H && is(bytes, from, "hmsg")) return ops.HMSG;
      if (is(bytes, from, "info")) return ops.INFO;
      if (is(bytes, from, "-err")) return ops.ERR;
      break;
    case 5:
      if (is(bytes, from, "unsub")) return ops.UNSUB;
      break;
    case 7:
      if (is(bytes, from, "connect")) return ops.CONNECT;
      break;
  }
  return unknown();
}

const P = 0x70;
const S = 0x73;
const M = 0x6d;
const H = 0x68;

/** `name` is in lower case; + and - have the bit of lower case already. */
function is(bytes: Uint8Array, from: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if (((bytes[from + i] as number) | 0x20) !== name.charCodeAt(i)) return false;
  return true;
}

/** Finds the arguments between spaces; returns how many. */
function split(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  let at = from;
  for (;;) {
    while (at < to && isBlank(bytes[at])) at++;
    if (at === to) return count;
    if (count === ARGUMENTS_MAX) malformed("arguments");
    found[count * 2] = at;
    while (at < to && !isBlank(bytes[at])) at++;
    found[count * 2 + 1] = at;
    count++;
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** Digits of a number: larger than any limit, and no rounding. */
function numberAt(bytes: Uint8Array, argument: number): number {
  const from = found[argument * 2] as number;
  const to = found[argument * 2 + 1] as number;
  if (to - from > DIGITS_MAX) malformed("number");
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) malformed("number");
    value = value * 10 + digit;
  }
  return value;
}

function setSubject(op: Op, argument: number): void {
  op.subjectFrom = found[argument * 2] as number;
  op.subjectTo = found[argument * 2 + 1] as number;
}

function setReply(op: Op, argument: number): void {
  op.replyFrom = argument < 0 ? 0 : (found[argument * 2] as number);
  op.replyTo = argument < 0 ? 0 : (found[argument * 2 + 1] as number);
}

function setSid(op: Op, argument: number): void {
  op.sidFrom = found[argument * 2] as number;
  op.sidTo = found[argument * 2 + 1] as number;
}

/** The texts of -ERR are those of nats-server where it has one. */
function unknown(): never {
  throw new WireError("Unknown Protocol Operation");
}

function lineTooLong(): never {
  throw new WireError("maximum control line exceeded");
}

function malformed(what: string): never {
  throw new WireError(`Parser Error: malformed ${what}`);
}
