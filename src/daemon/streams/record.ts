import { crc32 } from "node:zlib";
import type { Stored } from "./store.ts";

/** What a stream's log is made of: length, CRC-32 of the body, body; numbers little-endian. */

/** Bytes before a body. */
export const RECORD_HEAD_BYTES = 8;

/** What a body begins with. */
const MESSAGE = 1;
const CHANGE = 2;

/** What happened to a stream besides messages, as JSON. */
export type Change =
  | { readonly type: "config"; readonly config: unknown; readonly created: string; readonly last: number }
  | { readonly type: "purge"; readonly filter: string; readonly before: number; readonly keep: number }
  | { readonly type: "remove"; readonly sequence: number };

/** What a record says. */
export type Entry =
  | { readonly message: Stored; readonly change?: undefined }
  | { readonly change: Change; readonly message?: undefined };

const MESSAGE_HEAD_BYTES = 1 + 8 + 8 + 2 + 4;

/** The record of a message. */
export function messageRecord({ sequence, timeMs, subject, headers, data }: Stored): Buffer {
  const subjectBytes = Buffer.byteLength(subject);
  const headerBytes = Buffer.byteLength(headers);
  const body = MESSAGE_HEAD_BYTES + subjectBytes + headerBytes + data.length;
  const record = Buffer.allocUnsafe(RECORD_HEAD_BYTES + body);
  let at = record.writeUInt8(MESSAGE, RECORD_HEAD_BYTES);
  at = record.writeDoubleLE(sequence, at);
  at = record.writeDoubleLE(timeMs, at);
  at = record.writeUInt16LE(subjectBytes, at);
  at = record.writeUInt32LE(headerBytes, at);
  at += record.write(subject, at);
  at += record.write(headers, at);
  record.set(data, at);
  return sealed(record);
}

/** The record of anything else. */
export function changeRecord(change: Change): Buffer {
  const body = Buffer.from(JSON.stringify(change));
  const record = Buffer.allocUnsafe(RECORD_HEAD_BYTES + 1 + body.length);
  record.writeUInt8(CHANGE, RECORD_HEAD_BYTES);
  record.set(body, RECORD_HEAD_BYTES + 1);
  return sealed(record);
}

/** The offset behind the record at `at`; -1 when there is no whole and sound one. */
export function endOfRecord(bytes: Buffer, at: number): number {
  if (at + RECORD_HEAD_BYTES >= bytes.length) return -1;
  const from = at + RECORD_HEAD_BYTES;
  const end = from + bytes.readUInt32LE(at);
  if (end === from || end > bytes.length) return -1;
  return crc32(bytes.subarray(from, end)) === bytes.readUInt32LE(at + 4) ? end : -1;
}

/** What the sound record `bytes[at, end)` says; its data is a copy. */
export function readRecord(bytes: Buffer, at: number, end: number): Entry {
  const body = at + RECORD_HEAD_BYTES;
  if (bytes[body] === CHANGE) return { change: JSON.parse(bytes.toString("utf8", body + 1, end)) as Change };
  const subjectBytes = bytes.readUInt16LE(body + 17);
  const headerBytes = bytes.readUInt32LE(body + 19);
  const subjectFrom = body + MESSAGE_HEAD_BYTES;
  const headersFrom = subjectFrom + subjectBytes;
  const dataFrom = headersFrom + headerBytes;
  return {
    message: {
      sequence: bytes.readDoubleLE(body + 1),
      timeMs: bytes.readDoubleLE(body + 9),
      subject: bytes.toString("utf8", subjectFrom, headersFrom),
      headers: bytes.toString("utf8", headersFrom, dataFrom),
      data: Buffer.from(bytes.subarray(dataFrom, end)),
    },
  };
}

function sealed(record: Buffer): Buffer {
  record.writeUInt32LE(record.length - RECORD_HEAD_BYTES, 0);
  record.writeUInt32LE(crc32(record.subarray(RECORD_HEAD_BYTES)), 4);
  return record;
}
