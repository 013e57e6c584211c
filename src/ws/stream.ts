import type { CloseStatus } from "./close.ts";
import { type ByteStreams, StreamSession, type WebSocketStreamOptions } from "./stream-session.ts";

/** A WebSocket as a pair of streams of messages: a string for a text, bytes for a binary message. */
export interface WebSocketStream {
  /**
   * The messages of the peer; it ends with the closing handshake, and fails when there is none: with the
   * {@link ProtocolError} for which the peer was sent away, or with one of 1006. Nothing is read of the connection
   * while a message waits here, and so no ping is answered and no close frame seen. To cancel it closes the WebSocket.
   */
  readonly readable: ReadableStream<string | Uint8Array>;
  /**
   * The messages to the peer. A write is done when the connection has taken the message, which must stay as it is
   * until then. To close it begins the closing handshake, and what the peer still sends can be read; to abort it is
   * `close()`. It fails with BELFRY_BAD_STATE once the WebSocket closes.
   */
  readonly writable: WritableStream<string | Uint8Array>;
  /**
   * How it ended, when the connection is over: with the peer's close frame (1005 for an empty one), with the code for
   * which the peer was sent away, or with 1006. Never rejects.
   */
  readonly closed: Promise<CloseStatus>;
  /**
   * Closes, as the platform's WebSocket does: a write that is not done fails, and what comes now is thrown away. Does
   * nothing when a close frame was sent before. Throws {@link BelfryError} BELFRY_BAD_OPTION for a code that may not
   * be sent (7.4), a reason of more than 123 bytes, and a reason without a code.
   */
  close(code?: number, reason?: string): void;
}

/**
 * A WebSocket over any two streams of bytes, after its handshake, with back-pressure in both directions. Both streams
 * are locked; the chunks of `readable` may be unmasked in place. After the closing handshake the writable one is
 * closed, and the readable one is read to its end, so that the last frame arrives. A write that fails for its message,
 * or its codec, closes the WebSocket with 1011. Throws {@link BelfryError}
 * BELFRY_BAD_OPTION for a `fragmentBytesMax` or `closeSecondsMax` that is out of range.
 */
export function webSocketStream(streams: ByteStreams, options: WebSocketStreamOptions): WebSocketStream {
  const session = new StreamSession(streams, options);
  const { readable, writable, closed } = session;
  return { readable, writable, closed, close: (code, reason) => session.close(code, reason) };
}
