/** Where to connect to. */
export interface Target {
  /** A name, or a numeric address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** The name for TLS's SNI and certificate; "" for a numeric address, which has none. */
  readonly servername: string;
}

/**
 * Connects, TLS handshake included. Rejects with what went wrong, or with the signal's reason once it is aborted; then
 * nothing of the attempt must be left. What it returns after that is destroyed.
 */
export type Connect = (target: Target, signal: AbortSignal) => Promise<Transport>;

/** A connection of bytes, as `dial` needs it and hands it on. */
export interface Transport {
  /**
   * What comes; to be read once. While nobody asks for more no more is taken from the network than buffers hold. Ends
   * at the peer's end and after `destroy`, throws {@link ConnectionError} when the connection broke, and destroys the
   * transport when its reader leaves before the end. Each array belongs to who reads it.
   */
  readonly source: AsyncIterable<Uint8Array>;
  /**
   * Writes bytes, which must not be changed afterwards. A promise says that not all of them went at once: it resolves
   * when they have gone, or cannot go any more, and never rejects; of a connection that broke `source` tells. Bytes
   * after the end are dropped. Over the limit dialQueueBytesMax the connection is cut.
   */
  write(bytes: Uint8Array): void | Promise<void>;
  /** Ends the sending side after what was written. When the peer has ended too the connection closes by itself. */
  end(): void;
  /** Closes at once; what was not sent may be lost. */
  destroy(): void;
}
