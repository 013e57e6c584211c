import { limits } from "../limits.ts";
import { asked, type CommandParts, hookClient, jsonText } from "./command.ts";
import type { Expired } from "./expiries.ts";
import type { HookAnswer, HookClient, RefreshReply } from "./hooks.ts";
import { type Disconnect, DisconnectError, disconnects, unsubscribes } from "./protocol.ts";
import { ServedSeconds } from "./served-seconds.ts";

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
  /** Connections and subscriptions of which the hook is being asked. */
  readonly #asked = new Set<string>();
  readonly #seconds = new ServedSeconds(() => this.tick());
  /** When the last tick was: who has expired since is asked before it is closed, however late this one is. */
  #visited = 0;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
    this.#graceSeconds = parts.expiredCloseSeconds ?? limits.expiredCloseSeconds;
  }

  start(): void {
    this.#seconds.start();
  }
  stop(): void {
    this.#seconds.stop();
  }

  /** Looks after all of them. */
  tick(): void {
    const { session, disconnect } = this.#parts;
    const { expiries, identities, subscriptions, channels, hooks } = session;
    const now = session.now();
    const late = Math.min(now - this.#graceSeconds, this.#visited);
    this.#visited = now;
    expiries.each(now, (fd, at) => {
      if (at <= late) disconnect(fd, disconnects.CONNECTION_EXPIRED);
      else if (identities.identityOf(fd).isByHook) this.#refresh(fd);
    });
    for (const one of subscriptions.expired(late)) this.#end(one);
    if (!hooks.subRefresh) return;
    for (const one of subscriptions.expired(now)) {
      if (channels.optionsOf(one.channel)?.subRefreshProxy) this.#refreshSubscription(one);
    }
  }

  /** Asks the application whether a connection may go on; without a hook it is over. */
  #refresh(fd: number): void {
    const { session, disconnect } = this.#parts;
    const { hooks, expiries, identities } = session;
    if (!hooks.refresh) return disconnect(fd, disconnects.CONNECTION_EXPIRED);
    const ask = (client: HookClient) => hooks.refresh?.(client);
    void this.#ask(fd, "", ask, ({ expired = false, expireAt = 0, info }) => {
      if (expired) return disconnect(fd, disconnects.CONNECTION_EXPIRED);
      expiries.set(fd, Math.ceil(expireAt));
      if (info !== undefined) identities.setInfo(fd, JSON.stringify(info));
    });
  }

  /** Asks the application whether a subscription may go on. */
  #refreshSubscription(subscription: Expired): void {
    const { session } = this.#parts;
    const { hooks, subscriptions } = session;
    const { fd, channel } = subscription;
    const ask = (client: HookClient) => hooks.subRefresh?.({ ...client, channel });
    void this.#ask(fd, channel, ask, ({ expired = false, expireAt = 0, info }) => {
      if (expired) this.#end(subscription);
      else subscriptions.refresh(fd, channel, Math.ceil(expireAt), jsonText(info));
    });
  }

  /** The client subscribes again by itself, but not to what the server has made. */
  #end({ fd, channel, isServerSide }: Expired): void {
    const { session, disconnect } = this.#parts;
    if (isServerSide) disconnect(fd, disconnects.SUBSCRIPTION_EXPIRED);
    else session.subscriptions.end(fd, channel, unsubscribes.EXPIRED);
  }

  /** Asks a hook, not twice at once for the same. One that fails is asked again, until the time is over for good. */
  async #ask(
    fd: number,
    channel: string,
    hook: (client: HookClient) => HookAnswer<RefreshReply> | undefined,
    settle: (reply: RefreshReply) => void,
  ): Promise<void> {
    const { session, disconnect, error } = this.#parts;
    const { clients } = session;
    const generation = clients.generationOf(fd);
    const key = `${fd} ${generation} ${channel}`;
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    const isHere = () => clients.generationOf(fd) === generation;
    try {
      const reply = await asked(hook(hookClient(session, fd)));
      if (isHere()) settle(reply);
    } catch (failure) {
      if (!(failure instanceof DisconnectError)) error(`a hook for what expires failed: ${String(failure)}`);
      else if (isHere()) disconnect(fd, failure.disconnect);
    } finally {
      this.#asked.delete(key);
    }
  }
}
