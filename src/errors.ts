/**
 * Every error that Belfry throws or reports carries one of these codes, which are stable; messages are not.
 */
export const errorCodes = {
  /** An argument or option is not of the allowed form; the message names it and what is allowed. */
  BELFRY_BAD_OPTION: "An option has a value that is not allowed",
  /** A call that the state of the object does not allow, such as listening twice. */
  BELFRY_BAD_STATE: "The call is not possible in this state",
  /** The addon could not be loaded, although `driver: "native"` asked for it. */
  BELFRY_NO_ADDON: "The native driver was asked for and is not there",
  /** A system call failed; `errno` holds its name, such as EADDRINUSE. */
  BELFRY_SYSTEM: "A system call failed",
  /** A peer broke RFC 6455; `closeCode` is the close status. */
  BELFRY_PROTOCOL: "The peer broke the WebSocket protocol",
  /** A peer broke the NATS client protocol; the message is that of its `-ERR`. */
  BELFRY_WIRE: "The peer broke the NATS protocol",
  /** A request for an upgrade was refused; `status` is the HTTP status. */
  BELFRY_HANDSHAKE: "The opening handshake was refused",
  /** A limit of limits.ts was passed; the message names it, its value and how to change it. */
  BELFRY_LIMIT: "A limit was passed",
  /** The caller's AbortSignal ended it; `cause` is the signal's reason. */
  BELFRY_ABORTED: "The caller gave it up",
  /** An object was used after its lifetime, such as an upgrade request after its handler returned. */
  BELFRY_EXPIRED: "The object is no longer valid",
} as const;

/** The code of a {@link BelfryError}, for programs to compare. */
export type ErrorCode = keyof typeof errorCodes;

/** The base of all errors of Belfry; `code` is for programs, `message` for people. */
export class BelfryError extends Error {
  override readonly name: string = "BelfryError";
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A failed system call: `errno` is its name as in errno(3), `EADDRINUSE` say. */
export class SystemError extends BelfryError {
  override readonly name = "SystemError";
  readonly errno: string;
  constructor(errno: string, action: string) {
    super("BELFRY_SYSTEM", `${action}: ${errno}`);
    this.errno = errno;
  }
}

/** Malformed input of a peer on an open WebSocket: `closeCode` is what the peer must be told (RFC 6455, 7.4). */
export class ProtocolError extends BelfryError {
  override readonly name = "ProtocolError";
  readonly closeCode: number;
  constructor(closeCode: number, message: string) {
    super("BELFRY_PROTOCOL", message);
    this.closeCode = closeCode;
  }
}

/** A refused opening handshake: `status` and `headers` are what the peer must be told. */
export class HandshakeError extends BelfryError {
  override readonly name = "HandshakeError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super("BELFRY_HANDSHAKE", message);
    this.status = status;
    this.headers = headers;
  }
}
