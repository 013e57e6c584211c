import { limits } from "../limits.ts";
import { asked, type CommandParts, hookClient, jsonText } from "./command.ts";
import { type Disconnect, disconnects, unsubscribes } from "./protocol.ts";

/** What {@link Expiry} needs of the other parts. */
export interface ExpiryParts {
  readonly session: CommandParts;
  readonly disconnect: (fd: number, how: Disconnect) => void;
  readonly error: (line: string) => void;
  /** Default limits.expiredCloseSeconds. */
  readonly expiredCloseSeconds?: number | undefined;
}

/**
 * Connections and subscriptions whose time is over. A client with a token has expiredCloseSeconds to bring a new one;
 * for the others the application's hook is asked.
 */
export class Expiry {
  readonly #parts: ExpiryParts;
  readonly #graceSeconds: number;
  /** Connections for which the hook is being asked. */
  readonly #asked = new Set<number>();
  readonly #askedSubscriptions = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
    this.#graceSeconds = parts.expiredCloseSeconds ?? limits.expiredCloseSeconds;
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
    const late = now - this.#graceSeconds;
    expiries.each(now, (fd, at) => {
      if (at <= late) disconnect(fd, disconnects.CONNECTION_EXPIRED);
      else if (identities.identityOf(fd).isFromToken !== true) this.#refresh(fd);
    });
    for (const { fd, channel, isServerSide } of subscriptions.expired(late)) {
      if (isServerSide) disconnect(fd, disconnects.SUBSCRIPTION_EXPIRED);
      else subscriptions.end(fd, channel, unsubscribes.EXPIRED);
    }
    if (!session.hooks.subRefresh) return;
    for (const { fd, channel } of subscriptions.expired(now)) {
      if (session.channels.optionsOf(channel)?.subRefreshProxy) this.#refreshSubscription(fd, channel);
    }
  }

  /** Asks the application whether a subscription may go on. */
  #refreshSubscription(fd: number, channel: string): void {
    const { session, error } = this.#parts;
    const { hooks, clients, subscriptions } = session;
    const key = `${fd} ${channel}`;
    if (this.#askedSubscriptions.has(key)) return;
    this.#askedSubscriptions.add(key);
    const generation = clients.generationOf(fd);
    Promise.resolve({ ...hookClient(session, fd), channel })
      .then((request) => asked(hooks.subRefresh?.(request) ?? {}))
      .then(({ expired = false, expireAt = 0, info }) => {
        if (clients.generationOf(fd) !== generation) return;
        if (expired) subscriptions.end(fd, channel, unsubscribes.EXPIRED);
        else subscriptions.refresh(fd, channel, Math.ceil(expireAt), jsonText(info));
      })
      .catch((failure: unknown) => error(`the subRefresh hook failed: ${String(failure)}`))
      .finally(() => this.#askedSubscriptions.delete(key));
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
