import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { ProtocolError } from "./errors.ts";
import { limits } from "./limits.ts";
import { closeCodes, type DeflateAgreement, type MessageCodec } from "./ws/index.ts";

/** How much effort goes into compression, and what is not worth it. */
export interface CompressionOptions {
  /** Messages with fewer bytes go as they are. */
  thresholdBytes: number;
  /** 1, fast, to 9, small. */
  level: number;
  /** Memory that zlib takes while it compresses a message: 1 to 9, 2^(memLevel + 9) bytes, besides its window. */
  memLevel: number;
}

/** What is compressed, and how hard, when nothing else is asked for. */
export const compressionDefaults: CompressionOptions = {
  thresholdBytes: limits.deflateThresholdBytes,
  level: constants.Z_DEFAULT_COMPRESSION,
  memLevel: constants.Z_DEFAULT_MEMLEVEL,
};

/** The codec of one end of a connection. Without context takeover it holds nothing: connections may share it. */
export function zlibCodec(
  agreed: DeflateAgreement,
  role: "server" | "client",
  options = compressionDefaults,
): MessageCodec {
  const server = { windowBits: agreed.serverMaxWindowBits, contextTakeover: !agreed.serverNoContextTakeover };
  const client = { windowBits: agreed.clientMaxWindowBits, contextTakeover: !agreed.clientNoContextTakeover };
  return role === "server" ? new ZlibCodec(options, server, client) : new ZlibCodec(options, client, server);
}

/** The most bytes that a connection's codec keeps between messages. */
export function windowBytes(agreed: DeflateAgreement): number {
  const server = agreed.serverNoContextTakeover ? 0 : 2 ** agreed.serverMaxWindowBits;
  const client = agreed.clientNoContextTakeover ? 0 : 2 ** agreed.clientMaxWindowBits;
  return server + client;
}

/** One direction of a connection: its window, and whether it outlives a message. */
interface Direction {
  readonly windowBits: number;
  readonly contextTakeover: boolean;
}

/** What an empty block, the mark of a flush, ends with; it is not sent (RFC 7692, 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** Zlib compresses with no smaller window; whose peer asks for one sends its messages as they are. */
const ZLIB_BITS_MIN = 9;
const WINDOW_BITS_MAX = 15;
const NOTHING: Uint8Array = Buffer.alloc(0);

/**
 * RFC 7692, section 7.2, over node:zlib. Between two messages it holds nothing but, with context takeover, the last
 * bytes of what was said, which zlib takes as its dictionary: at most 2^windowBits bytes for a direction, where a
 * compressor that is kept takes 256 KiB. Without takeover one codec serves any number of connections.
 */
class ZlibCodec implements MessageCodec {
  readonly #options: CompressionOptions;
  readonly #out: Direction;
  readonly #in: Direction;
  #said = NOTHING;
  #heard = NOTHING;

  /** `out` is the direction that this end compresses, `into` the one that it decompresses. */
  constructor(options: CompressionOptions, out: Direction, into: Direction) {
    this.#options = options;
    this.#out = out;
    this.#in = into;
  }

  compress(bytes: Uint8Array, from: number, to: number): Uint8Array | undefined {
    const { level, memLevel, thresholdBytes } = this.#options;
    const { windowBits, contextTakeover } = this.#out;
    if (to - from < thresholdBytes || windowBits < ZLIB_BITS_MIN) return undefined;
    const payload = bytes.subarray(from, to);
    const settings = { level, memLevel, windowBits, finishFlush: constants.Z_SYNC_FLUSH };
    const flushed = deflateRawSync(payload, this.#said.length > 0 ? { ...settings, dictionary: this.#said } : settings);
    const length = flushed.length - TAIL.length;
    // What does not shrink goes as it is; the peer's window does not move then, nor does this one.
    if (length >= payload.length) return undefined;
    if (contextTakeover) this.#said = lastBytes(this.#said, payload, windowBits);
    return flushed.subarray(0, length);
  }

  decompress(bytes: Uint8Array, from: number, to: number, bytesMax: number): Uint8Array {
    const { windowBits, contextTakeover } = this.#in;
    const whole = Buffer.allocUnsafe(to - from + TAIL.length);
    whole.set(bytes.subarray(from, to));
    whole.set(TAIL, to - from);
    const payload = inflate(whole, this.#heard, bytesMax);
    if (contextTakeover) this.#heard = lastBytes(this.#heard, payload, windowBits);
    return payload;
  }
}

/** What inflateRawSync returns with `info`; its types do not say so. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/**
 * A message may hold blocks that are marked as the final one (7.2.3.4), behind which zlib wants to begin anew: what it
 * has said so far is its dictionary then. The window is the largest, which reads what was written with any; it is freed
 * at once.
 */
function inflate(whole: Buffer, before: Uint8Array, bytesMax: number): Uint8Array {
  let rest = whole;
  let payload: Uint8Array = NOTHING;
  for (let streams = 0; streams < limits.deflateStreamsMax; streams++) {
    const dictionary = streams === 0 ? before : lastBytes(before, payload, WINDOW_BITS_MAX);
    const { buffer, engine } = inflateStream(rest, dictionary, bytesMax - payload.length, bytesMax);
    payload = payload.length === 0 ? buffer : Buffer.concat([payload, buffer]);
    // The end that was added is an empty block, and is left where a final block came before it; so may be the byte
    // that begins it, which 7.2.3.4 adds.
    rest = rest.subarray(engine.bytesWritten);
    if (rest.length <= TAIL.length || (rest.length === TAIL.length + 1 && rest[0] === 0)) return payload;
  }
  throw new ProtocolError(
    closeCodes.POLICY_VIOLATION,
    `deflateStreamsMax is ${limits.deflateStreamsMax}: a message with so many final blocks`,
  );
}

function inflateStream(bytes: Buffer, dictionary: Uint8Array, room: number, bytesMax: number): Inflated {
  // Zlib allows no room of 0 bytes: with one, a byte too many is found out by its length.
  const settings = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: Math.max(room, 1), info: true };
  try {
    const result: unknown = inflateRawSync(bytes, dictionary.length > 0 ? { ...settings, dictionary } : settings);
    const inflated = result as Inflated;
    if (inflated.buffer.length > room) throw new RangeError();
    return inflated;
  } catch (error) {
    throw asProtocolError(error, bytesMax);
  }
}

/** The last 2^windowBits bytes of `before` and `payload` together, as a copy. */
function lastBytes(before: Uint8Array, payload: Uint8Array, windowBits: number): Uint8Array {
  const length = Math.min(before.length + payload.length, 2 ** windowBits);
  const window = new Uint8Array(length);
  const fresh = Math.min(payload.length, length);
  window.set(payload.subarray(payload.length - fresh), length - fresh);
  if (fresh < length) window.set(before.subarray(before.length - (length - fresh)));
  return window;
}

function asProtocolError(error: unknown, bytesMax: number): ProtocolError {
  if (error instanceof RangeError) {
    return new ProtocolError(
      closeCodes.MESSAGE_TOO_BIG,
      `messageBytesMax is ${bytesMax} (option messageBytesMax): the message grew beyond it while it was decompressed`,
    );
  }
  return new ProtocolError(closeCodes.INVALID_PAYLOAD, "a compressed message is no DEFLATE data");
}
