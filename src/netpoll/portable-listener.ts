import { type AddressInfo, createServer, isIP, type ListenOptions, type Server, type Socket } from "node:net";
import { listenFlags } from "./binding.ts";
import { errnoNumber, errnoOf } from "./errno.ts";

/** Bytes that Node reads ahead for a connection that is not harvested. */
const UNREAD_BYTES_MAX = 65_536;

/** A port or path that the portable driver listens on, with the connections that `wait` has not taken yet. */
export class Listener {
  readonly path: string | undefined;
  /** Called when there is something to take. */
  due: () => void = () => {};
  /** Value of a RESTED record that is to come. */
  rested: number | undefined;
  readonly #server: Server;
  readonly #heldMax: number;
  #held: Socket[] = [];
  #resting = false;
  #keepAliveSeconds = 0;

  constructor(server: Server, path: string | undefined, heldMax: number) {
    this.path = path;
    this.#server = server;
    this.#heldMax = heldMax;
    server.on("connection", (socket) => this.#hold(socket));
    // accept failed, for want of memory say. For want of descriptors libuv accepts and closes, and tells nobody.
    server.on("error", (error) => {
      if (this.#resting) return;
      this.#resting = true;
      this.rested = errnoOf(error);
      this.due();
    });
  }

  /**
   * Node goes on accepting while a listener rests, because to close the port would refuse clients that a kernel's
   * backlog keeps waiting, and might lose the port. The connections are held unread, as many as the backlog that
   * `listen` was given; further ones are closed.
   */
  rest(): void {
    this.#resting = true;
  }

  resume(): void {
    this.#resting = false;
    this.due();
  }

  isDue(): boolean {
    return this.rested !== undefined || (!this.#resting && this.#held.length > 0);
  }

  /** Takes connections, unread and without listeners. */
  take(countMax: number): Socket[] {
    if (this.#resting) return [];
    const taken = this.#held.splice(0, countMax).filter((socket) => !socket.destroyed);
    for (const socket of taken) socket.off("error", ignore);
    return taken;
  }

  /** The kernel asks a peer that was silent for so long whether it is there. */
  keepAlive(seconds: number): number {
    this.#keepAliveSeconds = seconds;
    return 0;
  }

  local(): string | number {
    if (this.path) return `${this.path} 0`;
    const { address, port } = this.#server.address() as AddressInfo;
    return nameOf(address, port);
  }

  /** Whoever was not taken yet is cut off, as by the kernel. */
  close(): void {
    this.#server.close();
    for (const socket of this.#held.splice(0)) socket.destroy();
  }

  #hold(socket: Socket): void {
    if (this.#held.length >= this.#heldMax) {
      socket.destroy();
      return;
    }
    if (this.#keepAliveSeconds > 0) socket.setKeepAlive(true, this.#keepAliveSeconds * 1000);
    this.#held.push(socket.on("error", ignore));
    this.due();
  }
}

/** Listens; gives `-errno` when it cannot. REUSE_PORT needs Node 22.12 or 23.1, and is -ENOTSUP before. */
export function listen(address: string, port: number, backlog: number, flags: number): Promise<Listener | number> {
  const inherited = /^fd:(\d+)$/.exec(address)?.[1];
  const path = pathOf(address);
  const reusePort = !path && inherited === undefined && (flags & listenFlags.REUSE_PORT) !== 0;
  if (!path && inherited === undefined && !isNumeric(address, port)) return Promise.resolve(errnoNumber("EINVAL"));
  if (reusePort && !nodeHasReusePort()) return Promise.resolve(errnoNumber("ENOTSUP"));
  const how = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, highWaterMark: UNREAD_BYTES_MAX };
  const server = createServer(how);
  const options: ListenOptions & { reusePort?: boolean; fd?: number } = inherited
    ? { fd: Number(inherited), exclusive: true }
    : path
      ? { path, backlog, exclusive: true }
      : { host: address, port, backlog, exclusive: true, ipv6Only: (flags & listenFlags.V6_ONLY) !== 0, reusePort };
  return new Promise((resolve) => {
    const failed = (error: Error) => resolve(errnoOf(error));
    server.once("error", failed);
    server.listen(options, () => {
      server.off("error", failed);
      resolve(new Listener(server, path, backlog));
    });
  });
}

/** A path is what holds a slash, as for the addon, or a named pipe of Windows. */
export function pathOf(address: string): string | undefined {
  return address.includes("/") || address.startsWith("\\\\") ? address : undefined;
}

/** Whether the addon would take it too: an IP address without a zone, and a port that there is. */
export function isNumeric(address: string, port: number): boolean {
  return isIP(address) !== 0 && !address.includes("%") && port >= 0 && port <= 65_535;
}

/** "ADDRESS PORT", an IPv4 address in IPv6 as IPv4; -ENOTCONN where there is none. */
export function nameOf(address: string | undefined, port: number | undefined): string | number {
  if (address === undefined || port === undefined) return errnoNumber("ENOTCONN");
  return `${address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*/, "")} ${port}`;
}

/** An error of a socket that nobody waits for: its "close" says the rest. */
export function ignore(): void {}

function nodeHasReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}
