import type { Netpoll } from "../netpoll/index.ts";
import { type CompiledMessage, opcodes } from "../ws/index.ts";
import { type Columns, flags, phases } from "./columns.ts";
import type { Compression } from "./compression.ts";
import type { Connection, Wire } from "./connection.ts";
import { Multicast } from "./multicast.ts";
import type { Outbound } from "./outbound.ts";
import type { Outbox } from "./outbox.ts";
import type { Sender } from "./sender.ts";

/** The door for layers that keep columns of their own: everything by descriptor. */
export interface ServerWire extends Wire {
  /** Sends the same message to `fds[0, count)`, at most fanoutSliceSends; the array's order is not kept. */
  multicast(message: CompiledMessage, fds: Int32Array, count: number): void;
  /** Whether its socket is full, and bytes wait for it. */
  isBlocked(fd: number): boolean;
  /** What waits for all connections; what a layer above keeps for a client counts too. */
  readonly outbound: Outbound;
  /** The handle of an open connection. */
  handle(fd: number): Connection;
  /**
   * A descriptor for a client that is no connection here, to stand in the same columns; given back with `unreserve`.
   */
  reserve(): number;
  unreserve(fd: number): void;
}

/** What {@link makeWire} needs of the other parts. */
export interface WireParts extends Pick<ServerWire, "close" | "cut" | "peer" | "pin" | "handle"> {
  readonly columns: Columns;
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly poll: Pick<Netpoll, "reserve" | "unreserve">;
  readonly compression: Compression;
}

/** What handles, and layers above, may do with connections. */
export function makeWire(parts: WireParts): ServerWire {
  const { columns, outbox, sender, compression, close, cut, peer, pin, handle, poll } = parts;
  const multicast = new Multicast(columns, compression, outbox, sender);
  return {
    isOpen: (fd, generation) => columns.generation[fd] === generation && columns.phase[fd] === phases.OPEN,
    text: (fd, text) => {
      if (columns.phase[fd] === phases.OPEN) sender.text(fd, text);
    },
    bytes: (fd, bytes) => sender.message(fd, opcodes.BINARY, bytes, 0, bytes.length),
    packet: (fd, packet) => {
      const opcode = packet.isText ? opcodes.TEXT : opcodes.BINARY;
      sender.message(fd, opcode, packet.source, packet.sourceFrom, packet.sourceTo);
    },
    outbound: outbox.outbound,
    isBlocked: (fd) => ((columns.flags[fd] as number) & flags.BLOCKED) !== 0,
    bufferedBytes: (fd) => outbox.bufferedBytes(fd),
    compiled: (fd, message) => multicast.one(fd, message),
    multicast: (message, fds, count) => multicast.many(message, fds, count),
    close,
    cut,
    peer,
    pin,
    handle,
    reserve: () => poll.reserve(),
    unreserve: (fd) => poll.unreserve(fd),
  };
}
