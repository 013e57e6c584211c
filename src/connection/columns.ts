import { Counts } from "./counts.ts";

/** What a connection is doing. */
export const phases = {
  /** No connection, or one that is not this server's. */
  FREE: 0,
  /** Accepted; its request head is not whole yet. */
  HEAD: 1,
  /** The application decides on its upgrade. */
  UPGRADING: 2,
  OPEN: 3,
  /** This side has sent a close frame and waits for the peer's. */
  CLOSING: 4,
  /**
   * Nothing more is said; what the peer still sends is thrown away until it ends, so that it can read the last bytes.
   */
  LINGER: 5,
} as const;

/** Bits of `Columns.flags`; in an idle connection all but PINNED and DEFLATED are clear. */
export const flags = {
  /** In the midst of a frame or message: a MessageReader holds its beginning. */
  PARTIAL: 1,
  /** Not read from, because a handler is at work for it. */
  PAUSED: 2,
  /** Its socket is full: bytes wait in its outbox queue. */
  BLOCKED: 4,
  /** Received bytes wait until it is no longer paused. */
  HELD: 8,
  /** Its handle is kept, because the application has set `data`. */
  PINNED: 16,
  /** To be shut down when its outbox is empty. */
  ENDING: 32,
  /** It cannot be written to any more, and its end is about to be dealt with: nothing is written for it. */
  BROKEN: 64,
  /** It has permessage-deflate. */
  DEFLATED: 128,
} as const;

const CAPACITY_MIN = 1024;

/**
 * The state of all connections, in typed arrays indexed by descriptor that grow by doubling: 7 bytes for each, and
 * nothing that the garbage collector would look at.
 */
export class Columns {
  phase = new Uint8Array(CAPACITY_MIN);
  flags = new Uint8Array(CAPACITY_MIN);
  /** Sweeps of the heartbeat since the last byte came, or since the phase began. */
  age = new Uint8Array(CAPACITY_MIN);
  /** Counts the connections that a descriptor has been, so that an old handle is told from a new one. */
  generation = new Uint32Array(CAPACITY_MIN);
  /** What has happened on all of them. */
  readonly counts = new Counts();
  /** One more than the highest descriptor ever used. */
  high = 0;

  /** Makes room for a descriptor. */
  reserve(fd: number): void {
    if (fd >= this.high) this.high = fd + 1;
    if (fd < this.phase.length) return;
    const capacity = 2 ** (32 - Math.clz32(fd));
    this.phase = grown(this.phase, new Uint8Array(capacity));
    this.flags = grown(this.flags, new Uint8Array(capacity));
    this.age = grown(this.age, new Uint8Array(capacity));
    this.generation = grown(this.generation, new Uint32Array(capacity));
  }

  /** Begins a connection on a descriptor: nothing is left of the one before. */
  begin(fd: number, phase: number): void {
    this.reserve(fd);
    this.counts.accepted++;
    this.flags[fd] = 0;
    this.enter(fd, phase);
  }

  /** Begins a phase; its age is 0. */
  enter(fd: number, phase: number): void {
    this.phase[fd] = phase;
    this.age[fd] = 0;
  }

  /** Ends the connection: handles that name it are closed from now on. */
  free(fd: number): void {
    this.phase[fd] = phases.FREE;
    this.flags[fd] = 0;
    this.generation[fd] = (this.generation[fd] as number) + 1;
  }
}

function grown<Column extends Uint8Array | Uint32Array>(old: Column, larger: Column): Column {
  larger.set(old);
  return larger;
}
