const nothing = () => {};

/**
 * The way out of a WebSocket over a WHATWG stream. Whatever the stream does, nobody waits in vain: once `abort` was
 * called every promise of this class is settled, also when the stream itself hangs in a write.
 */
export class FrameWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** Ends the waiting of those who wait. */
  readonly #waiting = new Set<(error: unknown) => void>();
  #pong: Uint8Array | undefined;
  #ponging = false;
  #aborted = false;

  /** Locks the stream. `broken` is told when it takes no more. */
  constructor(writable: WritableStream<Uint8Array>, broken: (error: unknown) => void) {
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(broken);
  }

  /** Resolves when the stream has taken the frame, rejects when it does not. Frames keep the order of the calls. */
  write(frame: Uint8Array): Promise<void> {
    return this.#untilAborted(this.#writer.write(frame));
  }

  /**
   * Sends a pong, and nobody waits for it: reading must go on while writing stands still, or two ends that write much
   * wait for each other forever. So that a flood of pings cannot fill the memory, at most one pong is on its way and
   * one waits, the newest (RFC 6455, 5.5.3).
   */
  pong(frame: Uint8Array): void {
    this.#pong = frame;
    if (!this.#ponging) void this.#writePongs();
  }

  /** The last frame: a pong that waits is dropped. Resolves when it is out or cannot be. */
  last(frame: Uint8Array): Promise<void> {
    this.#pong = undefined;
    return this.write(frame).catch(nothing);
  }

  /** Ends the stream behind what was written. Resolves when that is done or cannot be. */
  async end(): Promise<void> {
    // A stream that was aborted in a write that hangs would let this hang as well.
    if (!this.#aborted) await this.#untilAborted(this.#writer.close()).catch(nothing);
  }

  /** Gives the stream up. */
  abort(error: unknown): void {
    this.#aborted = true;
    this.#writer.abort(error).catch(nothing);
    for (const reject of this.#waiting) reject(error);
  }

  async #writePongs(): Promise<void> {
    this.#ponging = true;
    for (let frame = this.#pong; frame; frame = this.#pong) {
      this.#pong = undefined;
      await this.write(frame).catch(nothing);
    }
    this.#ponging = false;
  }

  async #untilAborted(work: Promise<void>): Promise<void> {
    let stop = nothing as (error: unknown) => void;
    const aborted = new Promise<never>((_, reject) => {
      stop = reject;
    });
    this.#waiting.add(stop);
    try {
      await Promise.race([work, aborted]);
    } finally {
      this.#waiting.delete(stop);
    }
  }
}
