import { closeCodes, opcodes } from "../ws/index.ts";
import { type Columns, phases } from "./columns.ts";
import type { Connection } from "./connection.ts";
import { Packet } from "./packet.ts";

/** Nothing, or a promise; what else an arrow function may happen to return is ignored. */
type Handled = unknown;

/** What the application does with its connections. A handler that throws or rejects closes its connection with 1011. */
export interface ConnectionHandlers {
  open?(connection: Connection): Handled;
  /** A message has come. While a promise is pending, nothing more is read from this connection. */
  packet?(connection: Connection, packet: Packet): Handled;
  /**
   * The connection is over; told once for each that `open` was called for. 1006 when it broke without a close frame.
   */
  close?(connection: Connection, code: number, reason: string): Handled;
  /** A connection that had bytes waiting has none any more. */
  drain?(connection: Connection): Handled;
}

/** What {@link Application} needs of the other parts. */
export interface ApplicationParts {
  readonly handlers: ConnectionHandlers;
  readonly columns: Columns;
  /** Whether packets are views of what was received. */
  readonly zeroCopy: boolean;
  readonly handle: (fd: number) => Connection;
  /** Stops reading from a connection until `work` settles. */
  readonly until: (fd: number, work: Promise<() => void>) => void;
  /** Closes a connection whose handler failed. */
  readonly fail: (fd: number, code: number, reason: string) => void;
  readonly error: (line: string) => void;
}

/** The application's handlers, and what happens when they fail: never more than the end of one connection. */
export class Application {
  readonly #parts: ApplicationParts;
  readonly #view = new Packet();

  constructor(parts: ApplicationParts) {
    this.#parts = parts;
  }

  open(fd: number): void {
    const { handlers } = this.#parts;
    if (handlers.open) this.#run(fd, handlers.open, undefined);
  }

  drain(fd: number): void {
    const { handlers, columns } = this.#parts;
    if (handlers.drain && columns.phase[fd] === phases.OPEN) this.#run(fd, handlers.drain, undefined);
  }

  message(fd: number, opcode: number, bytes: Uint8Array, from: number, to: number): void {
    const { handlers, zeroCopy, columns } = this.#parts;
    columns.counts.messagesReceived++;
    columns.counts.bytesReceived += to - from;
    if (!handlers.packet) return;
    const isText = opcode === opcodes.TEXT;
    if (zeroCopy) {
      const view = this.#view.view(isText, bytes as Buffer, from, to);
      this.#run(fd, handlers.packet, view);
      view.expire();
    } else {
      const copy = Buffer.allocUnsafeSlow(to - from);
      copy.set(bytes.subarray(from, to));
      this.#run(fd, handlers.packet, new Packet().view(isText, copy, 0, copy.length));
    }
  }

  close(fd: number, code: number, reason: string): void {
    const { handlers, handle } = this.#parts;
    if (!handlers.close) return;
    try {
      const work = handlers.close(handle(fd), code, reason);
      if (isThenable(work)) work.then(nothing, (error: unknown) => this.#log(error));
    } catch (error) {
      this.#log(error);
    }
  }

  #run<Value>(fd: number, handler: (connection: Connection, value: Value) => Handled, value: Value): void {
    const { handlers, handle, columns, until } = this.#parts;
    const generation = columns.generation[fd];
    try {
      const work = handler.call(handlers, handle(fd), value);
      if (!isThenable(work)) return;
      const failed = (error: unknown) => {
        this.#log(error);
        return () => this.#end(fd);
      };
      const settled = Promise.resolve(work).then(() => nothing, failed);
      // A handler that ended its own connection goes on, but the descriptor is not its own any more.
      if (columns.generation[fd] === generation) until(fd, settled);
    } catch (error) {
      this.#log(error);
      if (columns.generation[fd] === generation) this.#end(fd);
    }
  }

  #end(fd: number): void {
    const { columns, fail } = this.#parts;
    if (columns.phase[fd] === phases.OPEN) fail(fd, closeCodes.INTERNAL_ERROR, "the server failed");
  }

  #log(error: unknown): void {
    this.#parts.error(`a handler failed: ${describe(error)}`);
  }
}

function nothing(): void {}

/** Whether a handler's or callback's result is a promise, of whatever make. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** An error for the log: with its stack, if it has one. */
export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
