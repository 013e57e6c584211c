import { type Frame, op } from "./cases.ts";
import { bytesOf } from "./payloads.ts";

/**
 * RFC 6455, 5.2, written down a second time and as plainly as can be: the suite must not find right what src/ws makes
 * wrong in both directions.
 */

/** The octets of a frame; `mask` is the masking key of a client, or undefined. */
export function encodeFrame(frame: Frame, mask: readonly number[] | undefined): Buffer {
  const payload = bytesOf(frame.payload);
  const length = frame.announced ?? BigInt(payload.length);
  const bits = frame.lengthBits ?? leastBits(length);
  const second = mask ? 128 : 0;
  const head = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10);
  head[0] = (frame.fin === false ? 0 : 128) + (frame.rsv ?? 0) * 16 + frame.opcode;
  head[1] = second + (bits === 7 ? Number(length) : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(Number(length), 2);
  if (bits === 64) head.writeBigUInt64BE(length, 2);
  return mask ? Buffer.concat([head, Buffer.from(mask), masked(payload, mask)]) : Buffer.concat([head, payload]);
}

/** 5.3: octet i is XORed with octet i MOD 4 of the key. */
function masked(bytes: Buffer, key: readonly number[]): Buffer {
  const result = Buffer.alloc(bytes.length);
  for (let i = 0; i < bytes.length; i++) result[i] = (bytes[i] as number) ^ (key[i % 4] as number);
  return result;
}

function leastBits(length: bigint): 7 | 16 | 64 {
  return length < 126n ? 7 : length < 65_536n ? 16 : 64;
}

/** A frame that came, with what is wrong with it by itself. */
export interface Received {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly key: readonly number[] | undefined;
  readonly payload: Buffer;
  readonly wrong: string | undefined;
}

/** Reads frames from chunks; joins them only when a frame is whole. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #have = 0;
  #need = 2;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#have += chunk.length;
  }

  /** Bytes that are not part of a whole frame yet. */
  get left(): number {
    return this.#have;
  }

  /** The next frame, or undefined if it is not whole. */
  next(): Received | undefined {
    while (this.#have >= this.#need) {
      const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
      this.#chunks = [bytes];
      const size = frameSize(bytes);
      if (size <= bytes.length) {
        this.#chunks = size < bytes.length ? [bytes.subarray(size)] : [];
        this.#have = bytes.length - size;
        this.#need = 2;
        return decodeFrame(bytes.subarray(0, size));
      }
      this.#need = size;
    }
    return undefined;
  }
}

/** The size of the frame that begins here, as far as what is there tells: it may turn out to be larger. */
function frameSize(bytes: Buffer): number {
  const second = bytes[1] as number;
  const short = second & 127;
  const head = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second > 127 ? 4 : 0);
  return bytes.length < head ? head : head + announcedLength(bytes);
}

function announcedLength(bytes: Buffer): number {
  const short = (bytes[1] as number) & 127;
  return short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
}

function decodeFrame(bytes: Buffer): Received {
  const first = bytes[0] as number;
  const second = bytes[1] as number;
  const length = announcedLength(bytes);
  const bits = (second & 127) === 126 ? 16 : (second & 127) === 127 ? 64 : 7;
  const body = bytes.subarray(bytes.length - length);
  const key = second > 127 ? [...bytes.subarray(bytes.length - length - 4, bytes.length - length)] : undefined;
  const frame = { fin: first > 127, rsv: (first >> 4) & 7, opcode: first & 15, key };
  const wrong =
    bits === leastBits(BigInt(length)) ? wrongAlone(frame, length) : `a length of ${length} in ${bits} bits`;
  return { ...frame, payload: key ? masked(body, key) : body, wrong };
}

/** 5.2 and 5.5: the opcodes there are, and what a control frame may be. */
function wrongAlone({ fin, opcode }: { fin: boolean; opcode: number }, length: number): string | undefined {
  if (!Object.values<number>(op).includes(opcode)) return `the reserved opcode ${opcode}`;
  if (opcode < op.CLOSE) return undefined;
  if (!fin) return "a fragmented control frame";
  return length > 125 ? `a control frame of ${length} bytes` : undefined;
}
