import type { CommandParts } from "./command.ts";
import { type Disconnect, DisconnectError, disconnects } from "./protocol.ts";
import { type Answers, dispatch } from "./session.ts";
import type { SlowReaders } from "./slow-readers.ts";
import { codeLabels } from "./vitals/codes.ts";

/** What {@link Lives} needs of the other parts. */
export interface LivesParts {
  readonly session: CommandParts;
  readonly slow: SlowReaders;
  readonly text: (fd: number, text: string) => void;
  /** Closes a WebSocket. */
  readonly close: (fd: number, code: number, reason: string) => void;
  readonly error: (line: string) => void;
}

/** What comes from clients, and how they go. */
export class Lives {
  readonly #parts: LivesParts;
  readonly #answers: Answers;

  constructor(parts: LivesParts) {
    this.#parts = parts;
    this.#answers = {
      text: parts.text,
      failed: (fd, error) => this.#failed(fd, error),
      fault: (error) => this.#log(error),
    };
  }

  pong(fd: number): void {
    if (!this.#parts.session.clients.takePong(fd)) this.disconnect(fd, disconnects.BAD_REQUEST);
  }

  /** Carries out a frame of commands; while one takes time, nothing more is to be read of this client. */
  command(fd: number, text: string): Promise<void> | undefined {
    const { session } = this.#parts;
    const generation = session.clients.generationOf(fd);
    const failed = (error: unknown) => {
      if (session.clients.generationOf(fd) === generation) this.#failed(fd, error);
    };
    try {
      return dispatch(session, fd, text, this.#answers)?.catch(failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  /** Ends a client, and tells it why. */
  disconnect(fd: number, how: Disconnect): void {
    this.leave(fd);
    this.#parts.session.counts.disconnects.add(codeLabels.close(how.code));
    const exit = this.#parts.session.exits.of(fd);
    if (exit) exit.end(how);
    else this.#parts.close(fd, how.code, how.reason);
  }

  /** Drops all that is kept for a client. */
  leave(fd: number): void {
    const { session, slow } = this.#parts;
    const { clients, subscriptions, identities, expiries, headers, rates } = session;
    subscriptions.removeAll(fd);
    identities.forget(fd);
    expiries.set(fd, 0);
    headers.forget(fd);
    rates.forget(fd);
    slow.forget(fd);
    clients.close(fd);
  }

  #failed(fd: number, error: unknown): void {
    if (error instanceof DisconnectError) return this.disconnect(fd, error.disconnect);
    this.#log(error);
    this.disconnect(fd, disconnects.SERVER_ERROR);
  }

  #log(error: unknown): void {
    this.#parts.error(`a command failed: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
