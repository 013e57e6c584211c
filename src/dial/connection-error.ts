import { BelfryError, type ErrorCode, HandshakeError, SystemError } from "../errors.ts";

/**
 * A connection that could not be made, or that broke. Its code is BELFRY_SYSTEM for what the network, the name service
 * or TLS said, BELFRY_LIMIT for a limit, BELFRY_ABORTED when the caller's signal ended it.
 */
export class ConnectionError extends BelfryError {
  override readonly name = "ConnectionError";
  /** What the system said: ECONNREFUSED, ENOTFOUND, CERT_HAS_EXPIRED; "" where it was not the system. */
  readonly errno: string;
  constructor(code: ErrorCode, errno: string, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.errno = errno;
  }
}

/** What to do about what the system says. */
const advice: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: check host and port, and that the server runs",
  ECONNRESET: "the other side cut the connection: check that it speaks the URL's scheme (ws: or wss:), and its log",
  EPIPE: "the other side cut the connection: check that it speaks the URL's scheme (ws: or wss:), and its log",
  ENOTFOUND: "there is no such host: check its name",
  EAI_AGAIN: "the name service does not answer: check the network, and try again",
  ETIMEDOUT: "the host does not answer: check its address, and firewalls on the way",
  EHOSTUNREACH: "no way leads to the host: check its address and the network",
  ENETUNREACH: "no way leads to the host's network: check its address and the network",
  ENOENT: "there is no such socket: check its path, and that the server runs",
  EACCES: "it is not allowed: check the permissions",
  EMFILE: "this process has no descriptors left: raise ulimit -n, or close connections",
  EADDRNOTAVAIL: "no local port is left for that address: close connections, or use another local address",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate is signed by itself: give it as tls.ca if it is to be trusted",
  SELF_SIGNED_CERT_IN_CHAIN: "the certificate's authority is unknown: give it as tls.ca if it is to be trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the certificate's authority is unknown: give it as tls.ca if it is to be trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the certificate's authority is unknown: give it as tls.ca if it is to be trusted",
  CERT_HAS_EXPIRED: "the certificate has expired: the server needs a new one",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is for another name: dial that name, or set tls.servername",
  ERR_SSL_WRONG_VERSION_NUMBER: "the other side speaks no TLS: check whether the URL's scheme should be ws:",
  EPROTO: "the other side speaks no TLS that is spoken here: check scheme and port",
};

/** What went wrong with a connection, as an error of Belfry's that says `what` failed, why, and what to do. */
export function explained(what: string, error: unknown): BelfryError {
  if (error instanceof ConnectionError) {
    return new ConnectionError(error.code, error.errno, `${what}: ${error.message}`, { cause: error.cause });
  }
  if (error instanceof HandshakeError) {
    return new HandshakeError(error.status, `${what}: ${error.message}`, error.headers);
  }
  if (error instanceof BelfryError && !(error instanceof SystemError)) {
    return new ConnectionError(error.code, "", `${what}: ${error.message}`, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  const errno = errnoOf(error);
  const why = errno === "" || message.includes(errno) ? message : `${errno}: ${message}`;
  const todo = advice[errno];
  return new ConnectionError("BELFRY_SYSTEM", errno, `${what}: ${why}${todo ? `; ${todo}` : ""}`, { cause: error });
}

function errnoOf(error: unknown): string {
  if (error instanceof SystemError) return error.errno;
  const code = error instanceof Error && "code" in error ? error.code : "";
  return typeof code === "string" ? code : "";
}
