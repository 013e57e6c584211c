import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { type Compressed, close, type Frame, op, type Reply, type Step } from "./cases.ts";
import { type Agreement, Deflate } from "./deflate.ts";
import { encodeFrame, FrameReader, type Received } from "./frames.ts";
import { bytesOf } from "./payloads.ts";

/** A connection on which nothing moves for this long is given up: what was waited for will not come. */
export const SILENCE_MS = 10_000;

/** What the tester has seen of the endpoint. */
export interface Seen {
  readonly replies: (Reply & { readonly payload: Buffer; readonly compressed: boolean })[];
  /** The close frame, once it has come. */
  close: { code: number; reason: string } | undefined;
  /** How the stream ended: by FIN, by RST, or not at all. */
  end: "fin" | "reset" | "silence" | undefined;
  /** What the endpoint did that no endpoint may do. */
  readonly violations: string[];
}

/** One end of a connection, in the tester's hands: says what it is told to, and judges every frame that comes. */
export class Tester {
  readonly seen: Seen = { replies: [], close: undefined, end: undefined, violations: [] };
  readonly deflate: Deflate | undefined;
  readonly #socket: Socket;
  readonly #plays: "client" | "server";
  readonly #reader = new FrameReader();
  readonly #keys: string[] = [];
  /** The fragments of the message that is coming. */
  #parts: Received[] = [];
  #saidClose = false;
  #wake = () => {};

  /** Takes over a socket behind its handshake; `rest` is what has come of frames. */
  constructor(socket: Socket, plays: "client" | "server", rest: Buffer, agreement: Agreement | undefined) {
    this.#socket = socket;
    this.#plays = plays;
    this.deflate = agreement && new Deflate(agreement);
    socket.setTimeout(SILENCE_MS, () => this.#end("silence"));
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("drain", () => this.#wake());
    socket.on("end", () => this.#end("fin"));
    socket.on("error", () => this.#end("reset"));
    socket.on("close", () => this.#end("reset"));
    this.#take(rest);
    socket.resume();
  }

  /** Whether the endpoint has said its last word. */
  get over(): boolean {
    return this.seen.end !== undefined || this.seen.close !== undefined;
  }

  /** The octets of a step, and whatever is to be remembered of it. */
  encode(step: Exclude<Step, { untilReplies: number }>): Buffer {
    if ("octets" in step) return Buffer.from(step.octets);
    if ("compress" in step) return Buffer.concat(this.#compress(step).map((frame) => this.#encodeFrame(frame)));
    return this.#encodeFrame(step);
  }

  /** Writes octets; waits while the endpoint does not read. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(bytes)) return;
    await this.until(() => !this.#socket.writableNeedDrain);
  }

  /** Waits for something to be seen, or for the end. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition() && this.seen.end === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Begins the closing handshake, unless it has begun. */
  async sayClose(code: number): Promise<void> {
    if (!this.#saidClose) await this.write(this.#encodeFrame(close(code)));
  }

  /** Waits for the end of the stream, or for what makes it needless to wait, and lets go of the socket. */
  async finish(enough: () => boolean): Promise<void> {
    await this.until(enough);
    this.#socket.destroy();
    const { violations } = this.seen;
    if (this.#reader.left > 0) violations.push(`${this.#reader.left} octets of an unfinished frame`);
    if (this.#keys.length > 3 && new Set(this.#keys).size === 1)
      violations.push("one masking key for all frames (5.3)");
  }

  #encodeFrame(frame: Frame): Buffer {
    if (frame.opcode === op.CLOSE) this.#saidClose = true;
    const masks = (this.#plays === "client") !== (frame.wronglyMasked === true);
    return encodeFrame(frame, masks ? (frame.key ?? [...randomBytes(4)]) : undefined);
  }

  /** RFC 7692, 6.1: RSV1 is set in the first frame of a message. */
  #compress({ compress, opcode, level, strategy, fragmentBytes, between }: Compressed): Frame[] {
    if (!this.deflate) throw new Error("a case compresses, and nothing is agreed on");
    const bytes = this.deflate.compress(bytesOf(compress), level, strategy);
    const size = fragmentBytes ?? Math.max(bytes.length, 1);
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      if (at > 0 && between) frames.push(between);
      frames.push({
        opcode: at === 0 ? opcode : op.CONTINUATION,
        rsv: at === 0 ? 4 : 0,
        payload: bytes.subarray(at, at + size),
        fin: at + size >= bytes.length,
      });
    }
    return frames;
  }

  #end(how: "fin" | "reset" | "silence"): void {
    if (this.seen.end !== undefined) return;
    this.seen.end = how;
    this.#socket.end();
    this.#wake();
  }

  #take(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let frame = this.#reader.next(); frame; frame = this.#reader.next()) this.#frame(frame);
    this.#wake();
  }

  #frame(frame: Received): void {
    const { opcode, payload, key } = frame;
    const wrong = frame.wrong ?? this.#wrong(frame);
    if (wrong) this.seen.violations.push(wrong);
    if (key) this.#keys.push(key.join());
    if (opcode === op.CLOSE) this.#closed(payload);
    else if (opcode > op.CLOSE) this.seen.replies.push({ opcode, payload, compressed: false });
    else this.#data(frame);
  }

  /** What is wrong with a frame at this place. */
  #wrong({ opcode, rsv, key }: Received): string | undefined {
    if (this.seen.close) return "a frame after the close frame (5.5.1)";
    if ((key !== undefined) !== (this.#plays === "server"))
      return key ? "a masked frame (5.1)" : "an unmasked frame (5.1)";
    const mayCompress = this.deflate !== undefined && (opcode === op.TEXT || opcode === op.BINARY);
    if (rsv !== 0 && !(mayCompress && rsv === 4)) return `reserved bits ${rsv} in a frame of opcode ${opcode} (5.2)`;
    if (opcode < op.CLOSE && (opcode === op.CONTINUATION) !== this.#parts.length > 0)
      return "fragments in disorder (5.4)";
    return undefined;
  }

  #data(frame: Received): void {
    this.#parts.push(frame);
    if (!frame.fin) return;
    const [first = frame] = this.#parts;
    const joined = this.#parts.length === 1 ? first.payload : Buffer.concat(this.#parts.map((part) => part.payload));
    this.#parts = [];
    const compressed = first.rsv === 4;
    const payload = compressed ? this.#decompress(joined) : joined;
    this.seen.replies.push({ opcode: first.opcode, payload, compressed });
  }

  #decompress(bytes: Buffer): Buffer {
    try {
      return this.deflate?.decompress(bytes) ?? bytes;
    } catch (error) {
      this.seen.violations.push(`what cannot be decompressed as agreed: ${(error as Error).message}`);
      return bytes;
    }
  }

  /** A close frame is answered, and the server, be it the tester, ends the connection then (7.1.1). */
  #closed(payload: Buffer): void {
    if (this.seen.close) return;
    if (payload.length === 1) this.seen.violations.push("a close frame of one octet (5.5.1)");
    const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    const reason = payload.subarray(2).toString("utf8");
    if (reason.includes("\ufffd")) this.seen.violations.push("a reason that is not UTF-8 (5.5.1)");
    this.seen.close = { code, reason };
    if (!this.#saidClose) this.#socket.write(this.#encodeFrame({ opcode: op.CLOSE, payload }));
    if (this.#plays === "server") this.#socket.end();
  }
}
