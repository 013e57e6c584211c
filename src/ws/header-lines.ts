import { HandshakeError } from "../errors.ts";
import { limits } from "../limits.ts";
import { ascii, blanksEnd, equalsIgnoringCase, fieldEnd, tokenEnd, trimmedEnd } from "./characters.ts";
import { KNOWN_COUNT, known, knownLengths, knownNameAt } from "./known-headers.ts";

/** RFC 9112, section 5: header lines, as offsets into the bytes they came in; requests and responses share them. */

const SPAN = 4;

/** What the heads of requests and responses have in common. All numbers are offsets into `bytes`. */
export class HttpHead {
  bytes: Uint8Array = new Uint8Array(0);
  /** The minor version of HTTP/1: 0 or 1. */
  minor = 1;
  /** How many header lines there are. */
  count = 0;
  /** For each header line: its name's begin and end, its value's begin and end, without white space around. */
  readonly spans = new Int32Array(limits.headerCountMax * SPAN);
  /** For each of {@link known} the index of its first header line, -1 when absent. */
  readonly known = new Int32Array(KNOWN_COUNT);
  /** Statuses of the {@link HandshakeError} for what is malformed, and for more lines than headerCountMax. */
  readonly malformed: number;
  readonly tooLarge: number;

  constructor(malformed: number, tooLarge: number) {
    this.malformed = malformed;
    this.tooLarge = tooLarge;
  }

  /** Makes this the empty head of other bytes. */
  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.count = 0;
    for (let i = 0; i < KNOWN_COUNT; i++) this.known[i] = -1;
  }
  /** Makes this head one of other bytes, an exact copy of the old ones that begins at `shift` less. */
  moveTo(bytes: Uint8Array, shift: number): void {
    this.bytes = bytes;
    for (let i = 0; i < this.count * SPAN; i++) this.spans[i] = (this.spans[i] as number) - shift;
  }
  nameFrom(index: number): number {
    return this.spans[index * SPAN] as number;
  }
  nameTo(index: number): number {
    return this.spans[index * SPAN + 1] as number;
  }
  valueFrom(index: number): number {
    return this.spans[index * SPAN + 2] as number;
  }
  valueTo(index: number): number {
    return this.spans[index * SPAN + 3] as number;
  }
  /** The first header line from index `from` on with this name (in lower case), -1 when there is none. */
  find(name: string, from = 0): number {
    for (let i = from; i < this.count; i++) {
      if (equalsIgnoringCase(this.bytes, this.nameFrom(i), this.nameTo(i), name)) return i;
    }
    return -1;
  }
}

const CR = 13;
const LF = 10;
const COLON = 58;

/**
 * Finds the end of a head in `bytes[from, to)`: the offset behind its empty line, or -1. When more has come, `from` may
 * be three bytes before the end of the last search: the empty line may have begun there.
 */
export function findHeadEnd(bytes: Uint8Array, from: number, to: number): number {
  // A loop, because `indexOf` would look beyond `to`.
  for (let at = from; at + 1 < to; at++) {
    if (bytes[at] !== LF) continue;
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && at + 2 < to && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}

/**
 * Reads the header lines that begin at `bytes[at]`, behind a first line, and the empty line. Returns the offset behind
 * it, or 0 when more bytes are needed. Throws {@link HandshakeError} with the statuses of `head`.
 */
export function readHeaderLines(bytes: Uint8Array, at: number, to: number, head: HttpHead): number {
  while (at > 0) {
    if (at >= to) return 0;
    if (bytes[at] === CR) {
      if (at + 1 >= to) return 0;
      if (bytes[at + 1] !== LF) malformed(head, "a bare CR");
      return at + 2;
    }
    at = readHeaderLine(bytes, at, to, head);
  }
  return 0;
}

/** Reads `name ":" OWS value OWS CRLF`; returns the offset behind it, or 0 when more is needed. */
function readHeaderLine(bytes: Uint8Array, from: number, to: number, head: HttpHead): number {
  // A name that is known needs no look at what its letters may be.
  const which = knownNameAt(bytes, from, to);
  const nameTo = which < 0 ? tokenEnd(bytes, from, to) : from + (knownLengths[which] as number);
  if (nameTo === to) return 0;
  if (nameTo === from) malformed(head, "a header line begins with white space or has no name");
  if (bytes[nameTo] !== COLON) malformed(head, "white space or worse in a header's name");
  const valueFrom = blanksEnd(bytes, nameTo + 1, to);
  const at = fieldEnd(bytes, valueFrom, to);
  if (at + 1 >= to) {
    if (at < to && bytes[at] !== CR) malformed(head, "a control character in a header's value");
    return 0;
  }
  if (bytes[at] !== CR || bytes[at + 1] !== LF) {
    malformed(head, "a control character, a bare CR or LF in a header's value");
  }
  const index = addHeader(head, from, nameTo, valueFrom, trimmedEnd(bytes, valueFrom, at));
  if (which >= 0) addKnown(head, which, index);
  return at + 2;
}

/** Returns the header's index. */
function addHeader(head: HttpHead, nameFrom: number, nameTo: number, valueFrom: number, valueTo: number): number {
  const index = head.count++;
  if (index === limits.headerCountMax) {
    throw new HandshakeError(head.tooLarge, `headerCountMax is ${limits.headerCountMax}`);
  }
  const { spans } = head;
  spans[index * SPAN] = nameFrom;
  spans[index * SPAN + 1] = nameTo;
  spans[index * SPAN + 2] = valueFrom;
  spans[index * SPAN + 3] = valueTo;
  return index;
}

function addKnown(head: HttpHead, which: number, index: number): void {
  if ((head.known[which] as number) < 0) head.known[which] = index;
  else if (!repeatable(which)) {
    malformed(head, `the header ${ascii(head.bytes, head.nameFrom(index), head.nameTo(index))} is there twice`);
  }
}

function repeatable(which: number): boolean {
  return (
    which === known.UPGRADE || which === known.CONNECTION || which === known.PROTOCOL || which === known.EXTENSIONS
  );
}

/** Throws the {@link HandshakeError} of a malformed head. */
export function malformed(head: HttpHead, what: string): never {
  throw new HandshakeError(head.malformed, what);
}
