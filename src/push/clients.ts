import { randomBytes } from "node:crypto";
import { limits } from "../limits.ts";
import { type Disconnect, disconnects, EMPTY } from "./protocol.ts";
import { ServedSeconds } from "./served-seconds.ts";

const CAPACITY_MIN = 1024;
/** A client's state: one byte. */
const NEW = 1;
const CONNECTED = 2;
const FAILED = 4;
/** The connect command is under way. */
const CONNECTING = 16;
/** A ping is out, and its pong has not come. */
const PINGED = 8;

/** It cannot answer a ping: nothing comes from it. */
const MUTE = 32;

/** Clients whose descriptors lie together are pinged together: 64 of them are a cache line of the column. */
const BLOCK = 6;
const ALL_PINGED = Number.POSITIVE_INFINITY;

/** How clients are pinged, and closed when they do not answer. */
export interface ClientsParts {
  readonly text: (fd: number, text: string) => void;
  readonly disconnect: (fd: number, disconnect: Disconnect) => void;
  /** Default limits.protocolPingSeconds, protocolPongSeconds and staleSecondsMax. */
  readonly pingSeconds?: number | undefined;
  readonly pongSeconds?: number | undefined;
  readonly staleSecondsMax?: number | undefined;
}

/**
 * The clients of the protocol, by descriptor: seven bytes for each. The heartbeat needs one of them: one tick a
 * second pings the descriptors of one slice of protocolPingSeconds, and looks after the pongs of the slice that was
 * pinged protocolPongSeconds ago; a tick that is late, because the process stood still, makes nobody late.
 */
export class Clients {
  /** Seconds between two pings of a client. */
  readonly pingSeconds: number;
  readonly #pongSeconds: number;
  readonly #staleSecondsMax: number;
  readonly #parts: ClientsParts;
  #state = new Uint8Array(CAPACITY_MIN);
  #generation = new Uint32Array(CAPACITY_MIN);
  /** The tick at which it opened, as far as it goes into two bytes. */
  #openedAt = new Uint16Array(CAPACITY_MIN);
  #high = 0;
  #connected = 0;
  #tick = 0;
  /** The next block of descriptors that is to be pinged in this tick. */
  #toPing = ALL_PINGED;
  #inTurns = false;
  /** How many are open, connected or not. */
  #open = 0;
  readonly #node = randomBytes(8).toString("hex");
  readonly #seconds = new ServedSeconds(() => this.tick());

  constructor(parts: ClientsParts) {
    this.#parts = parts;
    this.pingSeconds = parts.pingSeconds ?? limits.protocolPingSeconds;
    this.#pongSeconds = parts.pongSeconds ?? limits.protocolPongSeconds;
    this.#staleSecondsMax = parts.staleSecondsMax ?? limits.staleSecondsMax;
  }

  /** How many clients are connected. */
  get connected(): number {
    return this.#connected;
  }
  /** The connect command begins; false when there was one before. */
  begin(fd: number): boolean {
    if (this.#state[fd] !== NEW) return false;
    this.#state[fd] = CONNECTING;
    return true;
  }
  /** Counts the clients that a descriptor has been. */
  generationOf(fd: number): number {
    return this.#generation[fd] as number;
  }
  isConnected(fd: number): boolean {
    return ((this.#state[fd] as number) & CONNECTED) !== 0;
  }

  /** A WebSocket has opened. */
  open(fd: number): void {
    if (fd >= this.#high) this.#high = fd + 1;
    if (fd >= this.#state.length) this.#grow(fd);
    this.#state[fd] = NEW;
    this.#generation[fd] = (this.#generation[fd] as number) + 1;
    this.#openedAt[fd] = this.#tick;
    this.#open++;
  }

  /** The connect command was accepted; returns the client's id. */
  connect(fd: number): string {
    this.#state[fd] = CONNECTED;
    this.#connected++;
    return this.idOf(fd);
  }

  /**
   * The client's id, which is unique over all nodes and restarts: in a UUID's form the node's random number, the
   * descriptor and its generation. Nothing is kept for it.
   */
  idOf(fd: number): string {
    const own = (this.#generation[fd] as number).toString(16).padStart(8, "0") + fd.toString(16).padStart(8, "0");
    const all = this.#node + own;
    return `${all.slice(0, 8)}-${all.slice(8, 12)}-${all.slice(12, 16)}-${all.slice(16, 20)}-${all.slice(20)}`;
  }

  /** The descriptor of a connected client's id; -1 when it is not here. */
  find(id: string): number {
    const fd = Number.parseInt(id.slice(-8), 16);
    return Number.isInteger(fd) && fd < this.#high && this.isConnected(fd) && this.idOf(fd) === id ? fd : -1;
  }

  /** Visits all that are connected. */
  each(visit: (fd: number) => void): void {
    for (let fd = 0; fd < this.#high; fd++) if (this.isConnected(fd)) visit(fd);
  }

  /** A connected client is not expected to answer pings. */
  mute(fd: number): void {
    this.#state[fd] = (this.#state[fd] as number) | MUTE;
  }

  /** The connect command was refused: nothing more is taken from this client. */
  fail(fd: number): void {
    if (this.isConnected(fd)) this.#connected--;
    this.#state[fd] = FAILED;
  }

  /** A pong has come; false when none was due. */
  takePong(fd: number): boolean {
    const state = this.#state[fd] as number;
    if ((state & PINGED) === 0) return false;
    this.#state[fd] = state & ~PINGED;
    return true;
  }

  /** The WebSocket is over. */
  close(fd: number): void {
    const state = this.#state[fd] ?? 0;
    if (state === 0) return;
    this.#open--;
    if ((state & CONNECTED) !== 0) this.#connected--;
    this.#state[fd] = 0;
    this.#generation[fd] = (this.#generation[fd] as number) + 1;
  }

  start(): void {
    this.#seconds.start();
  }
  stop(): void {
    this.#seconds.stop();
  }

  /** One second that was served. */
  tick(): void {
    this.#ping(Number.POSITIVE_INFINITY);
    const now = ++this.#tick;
    const pinged = this.#firstBlock(now - this.#pongSeconds);
    for (let block = pinged; block < this.#high; block += this.pingSeconds << BLOCK) this.#endSilent(block);
    this.#toPing = this.#firstBlock(now);
    this.#pingInTurns();
    if (this.#open > this.#connected) this.#endStale(now);
  }

  /** The first block of descriptors of a tick's slice; the others follow at a distance of pingSeconds blocks. */
  #firstBlock(tick: number): number {
    const slices = this.pingSeconds;
    return (((tick % slices) + slices) % slices) << BLOCK;
  }

  /** The pings of a second go out with the event loop in between, so that nobody's delivery waits for them all. */
  #pingInTurns(): void {
    this.#ping(limits.fanoutSliceSends);
    if (this.#inTurns || this.#toPing === ALL_PINGED) return;
    this.#inTurns = true;
    setImmediate(() => {
      this.#inTurns = false;
      this.#pingInTurns();
    });
  }

  /** Pings blocks of the slice that is due, until so many pings have gone. */
  #ping(pings: number): void {
    for (let sent = 0; this.#toPing < this.#high && sent < pings; this.#toPing += this.pingSeconds << BLOCK) {
      const end = Math.min(this.#toPing + (1 << BLOCK), this.#high);
      for (let fd = this.#toPing; fd < end; fd++) {
        const state = this.#state[fd] as number;
        if ((state & CONNECTED) === 0) continue;
        if ((state & MUTE) === 0) this.#state[fd] = state | PINGED;
        this.#parts.text(fd, EMPTY);
        sent++;
      }
    }
    if (this.#toPing >= this.#high) this.#toPing = ALL_PINGED;
  }

  /** Ends those of a block whose pongs have not come. */
  #endSilent(block: number): void {
    const end = Math.min(block + (1 << BLOCK), this.#high);
    for (let fd = block; fd < end; fd++) {
      if (((this.#state[fd] as number) & PINGED) !== 0) this.#parts.disconnect(fd, disconnects.NO_PONG);
    }
  }

  /** Ends who has not connected in time. */
  #endStale(now: number): void {
    for (let fd = 0; fd < this.#high; fd++) {
      const state = this.#state[fd] as number;
      if (state === 0 || (state & CONNECTED) !== 0) continue;
      if (((now - (this.#openedAt[fd] as number)) & 0xffff) > this.#staleSecondsMax) {
        this.#parts.disconnect(fd, disconnects.STALE);
      }
    }
  }

  #grow(fd: number): void {
    const capacity = 2 ** (32 - Math.clz32(fd));
    const state = new Uint8Array(capacity);
    state.set(this.#state);
    this.#state = state;
    const generation = new Uint32Array(capacity);
    generation.set(this.#generation);
    this.#generation = generation;
    const openedAt = new Uint16Array(capacity);
    openedAt.set(this.#openedAt);
    this.#openedAt = openedAt;
  }
}
