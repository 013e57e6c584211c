import { NUMBER_BYTES_MAX, writeNumber } from "../bus/write-number.ts";
import { copyBytes } from "../connection/copy-bytes.ts";
import type { Message } from "./message.ts";

const ascii = (text: string) => new TextEncoder().encode(text);
const MSG = ascii("MSG ");
const HMSG = ascii("HMSG ");
const SPACE = 32;
const CR = 13;
const LF = 10;
/** What a message needs besides what differs: the verb, four spaces, two line ends and two numbers. */
const FRAME_BYTES = HMSG.length + 4 + 4 + 2 * NUMBER_BYTES_MAX;

/** The most bytes that a message takes for the subscription of an id. */
export function sizeOf(
  { subjectFrom, subjectTo, replyFrom, replyTo, payloadFrom, payloadTo }: Message,
  sid: Uint8Array,
): number {
  return subjectTo - subjectFrom + sid.length + replyTo - replyFrom + payloadTo - payloadFrom + FRAME_BYTES;
}

/** Where the id stands in a message that is written to `at`. */
export function sidPlace(at: number, { subjectFrom, subjectTo }: Message, hasHeaders: boolean): number {
  return at + (hasHeaders ? HMSG.length : MSG.length) + subjectTo - subjectFrom + 1;
}

/**
 * Writes a message as the subscription of an id gets it, MSG or with its headers HMSG, to `out[at]`. Returns the offset
 * behind it.
 */
export function writeMessage(
  out: Uint8Array,
  begin: number,
  message: Message,
  sid: Uint8Array,
  hasHeaders: boolean,
): number {
  const { bytes, subjectFrom, subjectTo, replyFrom, replyTo, headerBytes, payloadTo } = message;
  const payloadFrom = message.payloadFrom + (hasHeaders ? 0 : headerBytes);
  const verb = hasHeaders ? HMSG : MSG;
  let at = copyBytes(verb, 0, verb.length, out, begin);
  at = copyBytes(bytes, subjectFrom, subjectTo, out, at);
  out[at++] = SPACE;
  at = copyBytes(sid, 0, sid.length, out, at);
  out[at++] = SPACE;
  if (replyTo > replyFrom) {
    at = copyBytes(bytes, replyFrom, replyTo, out, at);
    out[at++] = SPACE;
  }
  if (hasHeaders) {
    at = writeNumber(out, at, headerBytes);
    out[at++] = SPACE;
  }
  at = writeNumber(out, at, payloadTo - payloadFrom);
  out[at++] = CR;
  out[at++] = LF;
  at = copyBytes(bytes, payloadFrom, payloadTo, out, at);
  out[at++] = CR;
  out[at++] = LF;
  return at;
}
