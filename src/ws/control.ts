import { BelfryError } from "../errors.ts";
import { type CloseStatus, closeCodes, readClose } from "./close.ts";
import { compileClose, compilePong, type MaskOptions } from "./compile.ts";
import { opcodes } from "./frame.ts";
import { randomKey } from "./masking-key.ts";

/** What is told about control frames. What a callback throws goes to the caller of `handle`; nothing is answered. */
export interface ControlCallbacks {
  /** A ping came; its answer is sent right after. The payload is valid until the callback returns. */
  readonly onPing?: ((payload: Uint8Array) => void) | undefined;
  /** A pong came. The payload is valid until the callback returns. */
  readonly onPong?: ((payload: Uint8Array) => void) | undefined;
  /** The peer's close frame came: told once, before it is answered, so that a `close` here is the answer. */
  readonly onClose?: ((code: number, reason: string) => void) | undefined;
}

/** What a handler of control frames is made of. */
export interface ControlOptions extends ControlCallbacks {
  /** Whether this end is the server; a client masks what it sends (RFC 6455, 5.1). */
  readonly server: boolean;
  /** Sends a whole frame, which is the receiver's to keep; what it returns may be waited for. */
  readonly send: (frame: Uint8Array) => Promise<void> | void;
}

/**
 * RFC 6455, section 5.5: answers control frames. A ping is answered with a pong of the same payload, a close frame
 * with one of the same code, a pong not at all. After a close frame was sent nothing more is, and after one has come
 * nothing more is looked at.
 */
export class ControlHandler {
  readonly #options: ControlOptions;
  #closeSent = false;
  #closeReceived: CloseStatus | undefined;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  /** Whether this end is the server. */
  get server(): boolean {
    return this.#options.server;
  }

  /** Whether this end has sent its close frame: no further frame may follow it. */
  get closeSent(): boolean {
    return this.#closeSent;
  }

  /** What the peer's close frame said, once it has come. */
  get closeReceived(): CloseStatus | undefined {
    return this.#closeReceived;
  }

  /**
   * Takes the control frame `opcode` with its unmasked payload, which is not kept. Returns what `send` returned if
   * something was sent. Throws {@link ProtocolError} for a close frame of a forbidden form (5.5.1), to be answered with
   * `close(error.closeCode)`, and {@link BelfryError} BELFRY_BAD_OPTION when the opcode is that of no control frame.
   */
  handle(opcode: number, payload: Uint8Array): Promise<void> | void {
    if (this.#closeReceived) return;
    if (opcode === opcodes.PING) {
      this.#options.onPing?.(payload);
      if (!this.#closeSent) return this.#options.send(compilePong(payload, this.#mask()));
    } else if (opcode === opcodes.PONG) {
      this.#options.onPong?.(payload);
    } else if (opcode === opcodes.CLOSE) {
      const { code, reason } = readClose(payload, 0, payload.length);
      this.#closeReceived = { code, reason };
      this.#options.onClose?.(code, reason);
      return this.close(code === closeCodes.NO_STATUS ? undefined : code);
    } else {
      throw new BelfryError("BELFRY_BAD_OPTION", `the opcode ${opcode} is not that of a close, ping or pong frame`);
    }
  }

  /**
   * Begins the closing handshake, or answers the peer's; once only, later calls do nothing. Returns what `send`
   * returned. Throws what `compileClose` throws.
   */
  close(code?: number, reason?: string): Promise<void> | void {
    if (this.#closeSent) return;
    const frame = compileClose(code, reason, this.#mask());
    this.#closeSent = true;
    return this.#options.send(frame);
  }

  #mask(): MaskOptions {
    return this.#options.server ? {} : { key: randomKey() };
  }
}
