import { BelfryError, ProtocolError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type CloseStatus, closeCodes } from "./close.ts";
import { CloseDeadline } from "./close-deadline.ts";
import { type ControlCallbacks, ControlHandler } from "./control.ts";
import { opcodes } from "./frame.ts";
import { FrameWriter } from "./frame-writer.ts";
import { checkFragmentBytes, messageFrames } from "./message-frames.ts";
import { type MessageOptions, readMessages } from "./messages.ts";

/** Two streams of bytes: what a WebSocket runs over, a socket of `Duplex.toWeb` say. */
export interface ByteStreams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** How a WebSocket over streams behaves. */
export interface WebSocketStreamOptions extends MessageOptions, ControlCallbacks {
  /** Whether this end is the server; a client masks its frames (RFC 6455, 5.1). */
  readonly server: boolean;
  /** Bytes of payload in one frame that is sent: a larger message goes in fragments. `Infinity` for none. */
  readonly fragmentBytesMax?: number | undefined;
  /** Seconds that the peer has to answer a close frame, and to end the connection after that. */
  readonly closeSecondsMax?: number | undefined;
}

const nothing = () => {};

/**
 * What is behind `webSocketStream`. One coroutine reads, from the first byte to the end of the connection; all else
 * only sends frames, and tells the coroutine what to do with what comes.
 */
export class StreamSession {
  readonly readable: ReadableStream<string | Uint8Array>;
  readonly writable: WritableStream<string | Uint8Array>;
  readonly closed: Promise<CloseStatus>;

  readonly #options: WebSocketStreamOptions;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: FrameWriter;
  readonly #control: ControlHandler;
  readonly #deadline: CloseDeadline;
  #in!: ReadableStreamDefaultController<string | Uint8Array>;
  #out!: WritableStreamDefaultController;
  /** Nothing more can be sent: a close frame was, or the connection takes nothing. */
  #silent = false;
  /** The readable side has ended: what comes is thrown away. */
  #deaf = false;
  #reading = false;
  #wake = nothing;
  /** When the close frame of this end is out. */
  #closeOut = Promise.resolve();
  /** Why the connection was given up. */
  #cause: unknown;

  constructor({ readable, writable }: ByteStreams, options: WebSocketStreamOptions) {
    const { server, onPing, onPong, onClose } = options;
    checkFragmentBytes(options.fragmentBytesMax);
    this.#options = options;
    this.#deadline = new CloseDeadline(options.closeSecondsMax, (error) => this.#giveUp(error));
    this.#reader = readable.getReader();
    this.#writer = new FrameWriter(writable, (error) => this.#stopWriting(error));
    this.#control = new ControlHandler({ server, onPing, onPong, onClose, send: (frame) => this.#sendControl(frame) });
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#in = controller;
      },
      pull: () => this.#wake(),
      cancel: () => {
        this.#deaf = true;
        this.close();
      },
    });
    this.writable = new WritableStream({
      start: (controller) => {
        this.#out = controller;
        // A write that hangs holds back `abort`, but not this signal.
        const { signal } = controller as { signal?: AbortSignal };
        signal?.addEventListener("abort", () => this.#leave());
      },
      write: (message) => this.#write(message),
      close: () => {
        this.#control.close();
        return this.#closeOut;
      },
      abort: () => this.#leave(),
    });
    this.closed = this.#run();
  }

  close(code?: number, reason?: string): void {
    this.#leave(code, reason);
    this.#out.error(closed());
  }

  #leave(code?: number, reason?: string): void {
    this.#control.close(code, reason);
    this.#endReadable();
    this.#wake();
  }

  async #run(): Promise<CloseStatus> {
    let status: CloseStatus = { code: closeCodes.ABNORMAL, reason: "" };
    let error: unknown;
    try {
      status = await this.#receive();
      if (status.code === closeCodes.ABNORMAL) {
        error = this.#cause ?? new ProtocolError(status.code, "the connection ended without a close frame");
      }
    } catch (thrown) {
      error = thrown;
      if (thrown instanceof ProtocolError) status = { code: thrown.closeCode, reason: thrown.message };
      else this.#giveUp(thrown);
    }
    this.#endReadable(error);
    this.#out.error(error ?? closed());
    await this.#endConnection();
    return status;
  }

  async #receive(): Promise<CloseStatus> {
    const messages = readMessages(this.#chunks(), this.#control, this.#options);
    for (;;) {
      await this.#wanted();
      this.#reading = true;
      this.#watch();
      const { done, value } = await messages.next();
      this.#reading = false;
      if (!this.#deaf) this.#deadline.stop();
      if (done) return value;
      if (!this.#deaf) this.#in.enqueue(value.isText ? value.text() : value.bytes);
    }
  }

  /** Until the program wants a message, or none any more. */
  async #wanted(): Promise<void> {
    while (!this.#deaf && (this.#in.desiredSize ?? 0) <= 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      yield value;
    }
  }

  async #write(message: string | Uint8Array): Promise<void> {
    for (const frame of this.#framesOf(message)) {
      if (this.#silent) throw closed();
      await this.#writer.write(frame);
    }
  }

  /** When a message or the codec is to blame, the program's stream takes no other message: what is left is to close. */
  *#framesOf(message: string | Uint8Array): Generator<Uint8Array, void, void> {
    const { server, fragmentBytesMax = limits.fragmentBytesMax, codec } = this.#options;
    try {
      yield* messageFrames(message, { server, fragmentBytesMax, codec });
    } catch (error) {
      this.close(closeCodes.INTERNAL_ERROR);
      throw error;
    }
  }

  #sendControl(frame: Uint8Array): void {
    if (((frame[0] as number) & 15) === opcodes.PONG) {
      this.#writer.pong(frame);
    } else {
      this.#silent = true;
      this.#closeOut = this.#writer.last(frame);
      this.#watch();
    }
  }

  /** The connection takes nothing more; a close frame of the peer may still be on its way. */
  #stopWriting(error: unknown): void {
    this.#silent = true;
    this.#cause ??= error;
    this.#out.error(error);
    this.#watch();
  }

  #endReadable(error?: unknown): void {
    if (this.#deaf) return;
    this.#deaf = true;
    if (error === undefined) this.#in.close();
    else this.#in.error(error);
  }

  /** Ends this side, then reads what is left: a socket that is closed before is reset, and the last frame lost. */
  async #endConnection(): Promise<void> {
    this.#deadline.stop();
    this.#reading = true;
    this.#silent = true;
    this.#watch();
    await this.#writer.end();
    try {
      while (!(await this.#reader.read()).done);
    } catch {}
    this.#deadline.stop();
  }

  /** The peer has its time only while its bytes are asked for: a program that reads slowly loses nothing by it. */
  #watch(): void {
    if (this.#silent && this.#reading) this.#deadline.start();
  }

  /** Cuts the connection: all that waits for it comes to its end. */
  #giveUp(error: unknown): void {
    this.#cause ??= error;
    this.#writer.abort(error);
    this.#reader.cancel(error).catch(nothing);
  }
}

function closed(): BelfryError {
  return new BelfryError("BELFRY_BAD_STATE", "the WebSocket is closed");
}
