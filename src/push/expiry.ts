import { limits } from "../limits.ts";
import { asked, type CommandParts, hookClient } from "./command.ts";
import { type Disconnect, disconnects, unsubscribes } from "./protocol.ts";

/** What {@link Expiry} needs of the other parts. */
export interface ExpiryParts {
  readonly session: CommandParts;
  readonly disconnect: (fd: number, how: Disconnect) => void;
  readonly error: (line: string) => void;
}

/**
 * Connections and subscriptions whose time is over. A client with a token has expiredCloseSeconds to bring a new one;
 * for the others the application's hook is asked.
 */
export class Expiry {
  readonly #parts: ExpiryParts;
  /** Connections for which the hook is being asked. */
  readonly #asked = new Set<number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.tick(), 1000);
  }
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks after all of them. */
  tick(): void {
    const { session, disconnect } = this.#parts;
    const { expiries, identities, subscriptions } = session;
    const now = session.now();
    const late = now - limits.expiredCloseSeconds;
    expiries.each(now, (fd, at) => {
      if (at <= late) disconnect(fd, disconnects.CONNECTION_EXPIRED);
      else if (identities.identityOf(fd).isFromToken !== true) this.#refresh(fd);
    });
    for (const { fd, channel, isServerSide } of subscriptions.expired(late)) {
      if (isServerSide) disconnect(fd, disconnects.SUBSCRIPTION_EXPIRED);
      else subscriptions.end(fd, channel, unsubscribes.EXPIRED);
    }
  }

  /** Asks the application; without a hook the connection is over. */
  #refresh(fd: number): void {
    const { session, disconnect, error } = this.#parts;
    const { hooks, clients, expiries, identities } = session;
    if (!hooks.refresh) return disconnect(fd, disconnects.CONNECTION_EXPIRED);
    if (this.#asked.has(fd)) return;
    this.#asked.add(fd);
    const generation = clients.generationOf(fd);
    const isHere = () => clients.generationOf(fd) === generation;
    Promise.resolve(hookClient(session, fd))
      .then((client) => asked(hooks.refresh?.(client) ?? {}))
      .then(({ expired = false, expireAt = 0, info }) => {
        if (!isHere()) return;
        if (expired) return disconnect(fd, disconnects.CONNECTION_EXPIRED);
        expiries.set(fd, Math.ceil(expireAt));
        if (info !== undefined) identities.setInfo(fd, JSON.stringify(info));
      })
      // It is asked again, until the time is over for good.
      .catch((failure: unknown) => error(`the refresh hook failed: ${String(failure)}`))
      .finally(() => this.#asked.delete(fd));
  }
}
