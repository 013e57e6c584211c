import { connect as connectTcp } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { SocketTransport } from "./socket-transport.ts";
import type { Connect, Target } from "./transport.ts";

/** How to connect with node:net and node:tls. */
export interface NetOptions {
  /** A Unix socket's path, or a named pipe of Windows, instead of the URL's host and port. */
  readonly path?: string;
  /** For wss: and https:, as node:tls takes them: `ca`, `cert`, `key`, `rejectUnauthorized`, `servername`, … */
  readonly tls?: ConnectionOptions;
  /** Default: that of limits.ts. */
  readonly dialQueueBytesMax?: number;
}

/** Connects with node:net, and node:tls for wss: and https:; the default of `dial`. */
export function connectNet(options: NetOptions = {}): Connect {
  return async (target, signal) => connected(target, options, signal);
}

function connected(target: Target, options: NetOptions, signal: AbortSignal): Promise<SocketTransport> {
  const { host, port, servername } = target;
  signal.throwIfAborted();
  const where = options.path === undefined ? { host, port } : { path: options.path };
  const socket = target.tls ? connectTls({ servername, ...options.tls, ...where }) : connectTcp(where);
  socket.setNoDelay(true);
  return new Promise((resolve, reject) => {
    const event = target.tls ? "secureConnect" : "connect";
    const over = () => {
      socket.off(event, opened).off("error", failed);
      signal.removeEventListener("abort", aborted);
    };
    const opened = () => {
      over();
      resolve(new SocketTransport(socket, options));
    };
    const failed = (error: unknown) => {
      over();
      // What a socket that was given up still says concerns nobody.
      socket.on("error", () => {}).destroy();
      reject(error);
    };
    const aborted = () => failed(signal.reason);
    socket.on(event, opened).on("error", failed);
    signal.addEventListener("abort", aborted);
  });
}
