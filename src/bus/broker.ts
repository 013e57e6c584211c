/** One event in a channel, as the Bus carries it. */
export interface Publication {
  readonly channel: string;
  /** The application's data: one JSON text, without a raw line feed. */
  readonly data: string;
}

/**
 * The Bus, from the side of those who use it: the Storage publishes, the notification API subscribes. Which Bus it is,
 * in the process or beyond it, is the choice of whoever makes it.
 */
export interface Broker {
  /** Hands a publication to the Bus; resolves when the Bus has taken it, rejects when it could not. */
  publish(channel: string, data: string): Promise<void>;
  /**
   * The same data to many channels, at the cost of one call. Resolves with what became of each, in their order:
   * `undefined` for those that the Bus has taken, the error for the others.
   */
  broadcast(channels: readonly string[], data: string): Promise<(Error | undefined)[]>;
  /**
   * Says that publications of the channel are wanted here. A Bus may deliver channels that nobody asked for (a wildcard
   * costs less than millions of subscriptions): the listener must bear them.
   */
  subscribe(channel: string): void;
  unsubscribe(channel: string): void;
  /**
   * Adds a listener for everything that is delivered here, in the order of each channel. It must not throw. Returns the
   * function that removes it.
   */
  listen(listener: (publication: Publication) => void): () => void;
  /** Ends the broker; what was published before has been delivered or handed on. */
  close(): Promise<void>;
}
