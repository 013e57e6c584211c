import { BelfryError } from "../errors.ts";
import type { MessageCodec } from "./codec.ts";
import { compileFrame } from "./compile.ts";
import { opcodes } from "./frame.ts";
import { randomKey } from "./masking-key.ts";
import { encodeText } from "./text.ts";

/** How messages become frames. */
export interface MessageFramesOptions {
  /** Whether this end is the server; a client masks its frames (RFC 6455, 5.1). */
  readonly server: boolean;
  /** Bytes of payload in one frame, at least 1: a larger message goes in fragments. No bound unless said otherwise. */
  readonly fragmentBytesMax?: number | undefined;
  /** Compresses the messages that it finds worth it: they go with RSV1 set (RFC 7692, 6.1). */
  readonly codec?: MessageCodec | undefined;
}

/**
 * RFC 6455, section 5.4: the frames of a message, a text for a string and a binary one for bytes, each made when it is
 * asked for, in bytes of its own. The message must stay as it is until the last one. Control frames may be sent in
 * between, other data frames may not. Throws {@link BelfryError} BELFRY_BAD_OPTION for a message of another type, and
 * for a `fragmentBytesMax` below 1.
 */
export function messageFrames(
  message: string | Uint8Array,
  options: MessageFramesOptions,
): Generator<Uint8Array, void, void> {
  checkFragmentBytes(options.fragmentBytesMax);
  if (typeof message !== "string" && !(message instanceof Uint8Array)) {
    throw new BelfryError("BELFRY_BAD_OPTION", "a message is a string or a Uint8Array");
  }
  return framesOf(message, options);
}

/** Refuses a bound under which no message would come to its end, with BELFRY_BAD_OPTION. */
export function checkFragmentBytes(fragmentBytesMax: number | undefined): void {
  if (fragmentBytesMax === undefined || fragmentBytesMax === Infinity) return;
  if (Number.isInteger(fragmentBytesMax) && fragmentBytesMax >= 1) return;
  throw new BelfryError("BELFRY_BAD_OPTION", `fragmentBytesMax is a whole number from 1, not ${fragmentBytesMax}`);
}

function* framesOf(message: string | Uint8Array, options: MessageFramesOptions): Generator<Uint8Array, void, void> {
  const { server, fragmentBytesMax = Infinity, codec } = options;
  const plain = typeof message === "string" ? encodeText(message) : message;
  const compressed = codec?.compress(plain, 0, plain.length);
  const payload = compressed ?? plain;
  let opcode: number = typeof message === "string" ? opcodes.TEXT : opcodes.BINARY;
  let rsv = compressed ? 4 : 0;
  let at = 0;
  do {
    const end = Math.min(at + fragmentBytesMax, payload.length);
    const key = server ? undefined : randomKey();
    yield compileFrame(opcode, payload.subarray(at, end), { fin: end === payload.length, rsv, key });
    opcode = opcodes.CONTINUATION;
    rsv = 0;
    at = end;
  } while (at < payload.length);
}
