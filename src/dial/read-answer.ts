import { BelfryError, HandshakeError } from "../errors.ts";
import { findHeadEnd, ResponseHead, readResponseHead } from "../ws/index.ts";

/** The head of the answer to a request for an upgrade, and what has come behind it. */
export interface Answer {
  readonly head: ResponseHead;
  readonly rest: Uint8Array;
}

const SWITCHING_PROTOCOLS = 101;

/**
 * Reads the answer from what `next` gives, past interim answers such as 103 (RFC 9110, 15.2). Throws HandshakeError 502
 * for one that is malformed or does not end, BELFRY_LIMIT for heads of more than `headBytesMax` bytes in all.
 */
export async function readAnswer(
  next: () => Promise<IteratorResult<Uint8Array, unknown>>,
  headBytesMax: number,
): Promise<Answer> {
  const head = new ResponseHead();
  let bytes: Uint8Array = new Uint8Array(0);
  let length = 0;
  let budget = headBytesMax;
  let searched = 0;
  for (;;) {
    const size = readWhole(bytes, length, searched, head);
    if (size > budget || (size === 0 && length > budget)) {
      throw new BelfryError(
        "BELFRY_LIMIT",
        `the answer is too long: headBytesMax is ${headBytesMax} (option headBytesMax)`,
      );
    }
    if (size > 0 && !isInterim(head)) return { head, rest: bytes.subarray(size, length) };
    if (size > 0) {
      bytes = bytes.slice(size, length);
      budget -= size;
      length = bytes.length;
      searched = 0;
      continue;
    }
    searched = length;
    const { done, value } = await next();
    if (done) throw new HandshakeError(502, endedWithin(length));
    bytes = appended(bytes, length, value);
    length += value.length;
  }
}

/**
 * The size of the head in `bytes[0, length)`, 0 when it is not whole. The first bytes are judged at once, as they may
 * be another protocol's, whose speaker waits too; later only the end is looked for, so that an answer that comes byte
 * by byte is read once.
 */
function readWhole(bytes: Uint8Array, length: number, searched: number, head: ResponseHead): number {
  if (searched > 0 && findHeadEnd(bytes, Math.max(0, searched - 3), length) < 0) return 0;
  const size = readResponseHead(bytes, 0, length, head);
  if (size === 0 && searched > 0) throw new HandshakeError(502, "the answer's head is malformed");
  return size;
}

function isInterim(head: ResponseHead): boolean {
  return head.status < 200 && head.status !== SWITCHING_PROTOCOLS;
}

function appended(bytes: Uint8Array, length: number, more: Uint8Array): Uint8Array {
  if (length === 0) return more;
  let room = bytes;
  if (length + more.length > bytes.length) {
    room = new Uint8Array(Math.max(length + more.length, bytes.length * 2));
    room.set(bytes.subarray(0, length));
  }
  room.set(more, length);
  return room;
}

function endedWithin(length: number): string {
  const what = length === 0 ? "without an answer" : `within the answer's head, after ${length} bytes`;
  return `the connection ended ${what}: check that a WebSocket server is at this URL, and its log`;
}
