import type { Socket } from "node:net";

/**
 * The batch form of netpoll, which the server uses: the verbs of {@link Binding} bound to one poll, for any driver. Two
 * exist: {@link file://./native.ts}, over the addon, and {@link file://./portable.ts}, over node:net. Everything
 * returns a count or `-errno`.
 */
export interface Netpoll {
  readonly driver: "native" | "portable";
  /**
   * One array for all connections: the first `inputBytes` are written by `wait`, the rest is the owner's to write
   * what it flushes. One array and not two, because only within one array can bytes be copied without making a view.
   */
  readonly slab: Buffer;
  readonly inputBytes: number;
  /** Records of the last `wait`: descriptor, event, value, offset each. Valid until the next `wait`. */
  readonly records: Int32Array;
  /** Harvests once; returns the number of records, or `-errno`. Received bytes are valid until the next `wait`. */
  wait(): number;
  /** Whether the driver calls `ready` when there is something to harvest: `false` rests the whole poll. */
  watching(on: boolean): void;
  /**
   * Listens as {@link Binding.listen} does. A promise, because node:net knows no other way; it never rejects for an
   * errno.
   */
  listen(address: string, port: number, backlog: number, flags: number): Promise<number>;
  /** As {@link Binding.deafen}; the portable driver cannot, and answers -ENOTSUP. */
  deafen(listener: number): number;
  /** As {@link Binding.keepAlive}; over node:net a peer has 10 s for its answer. */
  keepAlive(listener: number, seconds: number): number;
  rest(listener: number): void;
  resume(listener: number): void;
  /**
   * Gives a listener to another poll of the same driver, which accepts from it at once; returns its descriptor
   * there, or `-errno`. Who waits in its backlog goes with it.
   */
  pass(listener: number, to: Netpoll): number;
  /** One `wait` accepts at most so many connections, from all listeners together. */
  accepts(max: number): void;
  connect(address: string, port: number, source: string): number;
  arm(fd: number, interest: number): number;
  flush(list: Int32Array, count: number): number;
  multicast(bytes: Uint8Array, length: number, fds: Int32Array, count: number, results: Int32Array): number;
  send(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  shutdown(fd: number): number;
  close(fd: number): number;
  peer(fd: number): string | number;
  local(fd: number): string | number;
  /**
   * Takes a connection out of Node: it lives on under the returned descriptor, and the socket must not be used any
   * more. What the socket has read already (`socket.read()`, an upgrade's `head`) is the caller's to take first; what
   * it has not written yet is lost. The native driver refuses a TLS socket with -ENOTSUP.
   */
  adopt(socket: Socket): number;
  /** Gives a connection to Node: it is forgotten here and lives on in the returned socket, which nobody listens to. */
  detach(fd: number): Socket;
  /**
   * A descriptor that is nobody's, until `unreserve`: for what is no connection here, and is kept in the same columns.
   * Throws where there is none left.
   */
  reserve(): number;
  unreserve(fd: number): void;
  /** Ends the driver. Connections that are still open are closed with it only in the portable driver. */
  destroy(): void;
}
