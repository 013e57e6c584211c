import { closeCodes } from "../ws/index.ts";
import { type Columns, flags, phases } from "./columns.ts";
import type { CloseSide } from "./counts.ts";
import type { Outbox } from "./outbox.ts";
import type { Sender } from "./sender.ts";

const { ABNORMAL } = closeCodes;

/** What the closing needs of the other parts, and what it tells its owner; every function is for one descriptor. */
export interface ClosingParts {
  readonly columns: Columns;
  readonly outbox: Outbox;
  readonly sender: Sender;
  /** The WebSocket is over: told once for each connection that was open. */
  readonly closed: (fd: number, code: number, reason: string) => void;
  /** Stops reading from a connection. */
  readonly pause: (fd: number) => void;
  /** The descriptor is to be given up, with all that is kept for it. */
  readonly release: (fd: number) => void;
}

/**
 * How connections end (RFC 6455, section 7). The last bytes are always given a chance to arrive: a socket that is
 * closed while unread bytes of the peer lie in the kernel is reset, and what was sent to it is lost; so the sending
 * side ends first, and what still comes is read and thrown away until the peer ends too, or its time is over.
 */
export class Closing {
  readonly #parts: ClosingParts;
  /** What this side said in its close frame. */
  readonly #said = new Map<number, { code: number; reason: string }>();

  constructor(parts: ClosingParts) {
    this.#parts = parts;
  }

  /** This side wants to close: its close frame goes out, and the peer's is waited for. */
  begin(fd: number, code: number, reason: string): void {
    const { columns, sender } = this.#parts;
    sender.close(fd, code, reason);
    this.#said.set(fd, { code, reason });
    columns.enter(fd, phases.CLOSING);
  }

  /** The peer's close frame has come: it is answered, if it is not itself the answer. */
  answer(fd: number, code: number, reason: string): void {
    const said = this.#said.get(fd);
    if (!said) this.#parts.sender.close(fd, code, "");
    this.#over(fd, said?.code ?? code, said?.reason ?? reason, said ? "server" : "client");
  }

  /** The peer broke a rule: it is told the code, and nothing more of it is looked at. */
  fail(fd: number, code: number, reason: string): void {
    if (!this.#said.has(fd)) this.#parts.sender.close(fd, code, reason);
    this.#over(fd, code, reason, "server");
  }

  /**
   * The connection is gone, or is given up: no byte can be exchanged any more. A code of its own says that this side
   * gave it up.
   */
  lose(fd: number, code: number, reason: string, side: CloseSide = code === ABNORMAL ? "gone" : "server"): void {
    const { columns, closed, release } = this.#parts;
    const phase = columns.phase[fd];
    const said = this.#said.get(fd);
    this.#said.delete(fd);
    if (phase === phases.OPEN || phase === phases.CLOSING) {
      columns.enter(fd, phases.LINGER);
      columns.counts.closed(said?.code ?? code, said ? "server" : side);
      closed(fd, said?.code ?? code, said?.reason ?? reason);
    }
    release(fd);
  }

  /** The peer's stream has ended. */
  ended(fd: number): void {
    const { columns } = this.#parts;
    const lingers = columns.phase[fd] === phases.LINGER;
    if (lingers && ((columns.flags[fd] as number) & flags.BLOCKED) !== 0) {
      // It may still read what waits for it: `drained` releases it then.
      this.#parts.pause(fd);
      return;
    }
    this.lose(fd, ABNORMAL, "the peer ended the connection without a close frame");
  }

  /** What is written last is written: the connection ends once it has been read. */
  linger(fd: number): void {
    this.#parts.columns.enter(fd, phases.LINGER);
    this.#parts.outbox.end(fd);
  }

  #over(fd: number, code: number, reason: string, side: CloseSide): void {
    this.#said.delete(fd);
    this.#parts.columns.counts.closed(code, side);
    this.linger(fd);
    this.#parts.closed(fd, code, reason);
  }
}
