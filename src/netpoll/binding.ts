import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The addon's poll object: an epoll or kqueue descriptor watched by the event loop. Opaque. */
export interface Poll {
  readonly poll: unique symbol;
}

/** What a record of {@link Binding.wait} says; `native/netpoll.c` has the same numbers. */
export const events = {
  /** A connection was accepted: descriptor of the connection, value the listener. */
  ACCEPTED: 1,
  /** Bytes were received: value is their number, offset where they lie in the input slab. */
  DATA: 2,
  /**
   * No more comes from this descriptor: value 0 at the peer's end of stream, `-errno` when it broke. The addon says so
   * in each `wait` until the descriptor is closed or, for value 0, no longer armed for reading.
   */
  END: 3,
  /** The descriptor takes bytes again. */
  WRITABLE: 4,
  /** A `connect` has ended: value 0 or `-errno`. */
  CONNECTED: 5,
  /** The listener rests, because accept failed for want of descriptors or memory: value `-errno`. */
  RESTED: 6,
  /** A watched descriptor is ready: value is a set of {@link interest} bits. */
  READY: 7,
} as const;

/** What to be told of. */
export const interest = { NONE: 0, READ: 1, WRITE: 2, ONCE: 4 } as const;

/** How to listen. */
export const listenFlags = { REUSE_PORT: 1, V6_ONLY: 2 } as const;

/** Int32 entries of one record: descriptor, event, value, offset. */
export const RECORD = 4;
/** Int32 entries of one entry of a flush list: descriptor, offset, length. */
export const ENTRY = 3;

/**
 * The verbs of `native/netpoll.c`. All return a number of things done, or `-errno`; none blocks; a wrong type of
 * argument throws a TypeError, an offset, length or count outside its array is -EFAULT. Arrays belong to the caller;
 * those given to `open` are kept until `destroy`, and their buffers must not be transferred until then.
 */
export interface Binding {
  /**
   * Opens a poll that receives into the first `inputBytes` of `slab` and writes its records into `records`
   * ({@link RECORD} entries each). `ready` is called from the event loop when `wait` has something to harvest.
   */
  open(slab: Uint8Array, records: Int32Array, inputBytes: number, ready: () => void): Poll | number;
  /** Closes the poll; descriptors that it watched stay open and belong to the caller. */
  destroy(poll: Poll): number;
  /**
   * Watches the poll from the event loop (1), which keeps the process alive, or no longer (0): then `ready` is not
   * called.
   */
  watching(poll: Poll, on: 0 | 1): number;
  /** Harvests once, without blocking: accepts, and receives into the slab. Returns the number of records. */
  wait(poll: Poll): number;
  /**
   * Listens on a numeric address, on the path of a Unix socket (it holds a `/`), or, for the address `fd:N`, on a
   * listening descriptor that the process was started with. Returns the listener.
   */
  listen(poll: Poll, address: string, port: number, backlog: number, flags: number): number;
  /**
   * Begins no new connection on a TCP listener: handshakes that have begun still end in its backlog, a further SYN is
   * dropped, so that its client asks again after a second. -ENOTSUP elsewhere than on Linux.
   */
  deafen(listener: number): number;
  /**
   * Has the kernel look after peers, for connections that a listener accepts from now on: it asks one that was silent
   * for so many seconds (1 to 32767), and gives it up after as many again without an answer, or (Linux) twice as many
   * without a byte taken of what was sent. An END record tells -ETIMEDOUT.
   */
  keepAlive(listener: number, seconds: number): number;
  /** Stops accepting on a listener; connections wait in its backlog. */
  rest(poll: Poll, listener: number): number;
  /** Accepts again; also on a listener that another poll had, which was released there. */
  resume(poll: Poll, listener: number): number;
  /** One `wait` accepts at most so many connections, from all listeners together. Without a bound after `open`. */
  accepts(poll: Poll, max: number): number;
  /**
   * Begins a connection; `source` is a numeric address or "". A CONNECTED record tells how it ended, unless the kernel
   * knows at once that it cannot (`-errno`). Not to be armed before that record.
   */
  connect(poll: Poll, address: string, port: number, source: string): number;
  /** Sets what a connection is watched for: a sum of {@link interest} bits. */
  arm(poll: Poll, fd: number, interest: number): number;
  /** Watches any descriptor without reading from it (READY records); `again` 1 changes or renews the watch. */
  watch(poll: Poll, fd: number, interest: number, again: 0 | 1): number;
  /** Watches a descriptor no longer; it stays open. */
  release(poll: Poll, fd: number): number;
  /** Duplicates somebody else's connected descriptor and watches the copy for reading. Returns the copy. */
  adopt(poll: Poll, fd: number): number;
  /**
   * Sends `count` entries of `list` ({@link ENTRY} each: descriptor, offset and length in `slab`). Leaves in each entry
   * what is left to send: length 0 when all went, `-errno` in its place when the connection broke. Returns how many
   * entries are not fully sent. After one of these, later entries of the same descriptor are left as they are, so that
   * its bytes keep their order.
   */
  flush(slab: Uint8Array, list: Int32Array, count: number): number;
  /**
   * Sends the first `length` of `bytes` to each of `count` descriptors. `results[i]` is the number of bytes that
   * `fds[i]` took, or `-errno`. Returns how many did not take all.
   */
  multicast(bytes: Uint8Array, length: number, fds: Int32Array, count: number, results: Int32Array): number;
  /** Sends a part of `bytes`; returns how much went. */
  send(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  /** Reads into `bytes`, for descriptors under `watch`; 0 at the end of the stream. */
  receive(fd: number, bytes: Uint8Array): number;
  /** Ends the sending side of a connection. */
  shutdown(fd: number): number;
  close(fd: number): number;
  /** "ADDRESS PORT" of the other side, "PATH 0" for a Unix socket. */
  peer(fd: number): string | number;
  /** The same of this side. */
  local(fd: number): string | number;
}

let loaded: Binding | undefined;

/** Loads the addon; throws what the loader threw when it is not there. This is the only place that does. */
export function loadBinding(): Binding {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  // A build with a sanitizer stands elsewhere.
  const path = process.env.BELFRY_ADDON;
  const load = require("node-gyp-build") as (root: string) => Binding;
  loaded = path ? (require(path) as Binding) : load(packageRoot());
  return loaded;
}

/** The folder of package.json: this file is `dist/src/netpoll/binding.js` below it. */
function packageRoot(): string {
  return dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
}
