import assert from "node:assert/strict";
import { ProtocolError } from "../src/errors.ts";
import { type Buffers, MessageReader, type MessageRules } from "../src/ws/index.ts";
import { inPieces } from "./bytes.ts";
import type { Event, NaiveRules } from "./naive-frames.ts";

/** What a MessageReader made of a stream. */
export interface Log {
  readonly events: Event[];
  /** The close status that it refused the stream with; 0 when it did not. */
  readonly failure: number;
  /** The bytes before the piece that it refused, and those up to its end. */
  readonly failedFrom: number;
  readonly failedTo: number;
  readonly idle: boolean;
}

/** Buffers that know which of them are out, and spoil what comes back. */
export class LentBuffers implements Buffers {
  readonly #out = new Set<Uint8Array>();
  take(bytes: number): Uint8Array {
    const buffer = new Uint8Array(bytes).fill(0xee);
    this.#out.add(buffer);
    return buffer;
  }
  give(buffer: Uint8Array): void {
    assert.ok(this.#out.delete(buffer), "a buffer is given back that is not out");
    buffer.fill(0xee);
  }
  assertNoneOut(): void {
    assert.equal(this.#out.size, 0, "buffers are missing");
  }
}

/** Rules without extensions. */
export function rulesOf(rules: NaiveRules): MessageRules {
  const { server, messageBytesMax, fragmentsMax } = rules;
  return { server, rsvAllowed: 0, messageBytesMax, fragmentsMax };
}

/** Lets a new reader read the pieces, and looks after its buffers. */
export function logOf(rules: NaiveRules, pieces: readonly Uint8Array[], guard: Uint8Array): Log {
  const buffers = new LentBuffers();
  const reader = new MessageReader(rulesOf(rules), buffers);
  const log = readPieces(reader, pieces, guard);
  reader.release();
  buffers.assertNoneOut();
  return log;
}

/** Lets a reader read pieces that lie amid guards. Anything that is thrown but a ProtocolError goes on. */
export function readPieces(reader: MessageReader, pieces: readonly Uint8Array[], guard: Uint8Array): Log {
  const events: Event[] = [];
  let failedFrom = 0;
  let failedTo = 0;
  let failure = 0;
  try {
    inPieces(pieces, guard, (bytes, from, to) => {
      failedFrom = failedTo;
      failedTo += to - from;
      readOn(reader, bytes, from, to, events);
    });
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    failure = error.closeCode;
  }
  return { events, failure, failedFrom, failedTo, idle: reader.idle };
}

function readOn(reader: MessageReader, bytes: Uint8Array, from: number, to: number, events: Event[]): void {
  let at = from;
  do {
    const used = reader.read(bytes, at, to);
    at += used;
    assert.ok(used >= 0 && at <= to, `it used ${used} bytes of ${to - at + used}`);
    if (reader.opcode < 0) assert.equal(at, to, "it stopped before the end and completed nothing");
    else {
      assert.ok(used > 0, "it completed something of no bytes");
      events.push({ opcode: reader.opcode, payload: reader.payload.slice(0, reader.length) });
    }
  } while (at < to);
}
