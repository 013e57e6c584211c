import type { Server as HttpServer, RequestListener } from "node:http";
import { Admission } from "./connection/admission.ts";
import { Closing } from "./connection/closing.ts";
import { Columns, flags, phases } from "./connection/columns.ts";
import type { Connection, Wire } from "./connection/connection.ts";
import { Handles } from "./connection/handles.ts";
import { Handshake, type HandshakeParts } from "./connection/handshake.ts";
import { Heartbeat } from "./connection/heartbeat.ts";
import { Held } from "./connection/held.ts";
import { HttpDoor } from "./connection/http-door.ts";
import { interestOf, Outbox } from "./connection/outbox.ts";
import { Packet } from "./connection/packet.ts";
import { Receiver } from "./connection/receive.ts";
import { Sender } from "./connection/sender.ts";
import { BelfryError, SystemError } from "./errors.ts";
import { limits } from "./limits.ts";
import { type Log, silent } from "./log.ts";
import {
  type DriverChoice,
  errnoName,
  events,
  listenFlags,
  type Netpoll,
  openDriver,
  RECORD,
} from "./netpoll/index.ts";
import { checkListenOptions, checkServerOptions } from "./options.ts";
import { BufferPool, WorkerPool } from "./pool/index.ts";
import { closeCodes, opcodes } from "./ws/index.ts";

/** Nothing, or a promise; what else an arrow function may happen to return is ignored. */
type Handled = unknown;

/** What the application does with its connections. A handler that throws or rejects closes its connection with 1011. */
export interface Handlers {
  /** Decides on an upgrade: nothing or an Acceptance lets it happen, a Rejection refuses it. May be asynchronous. */
  upgrade?: NonNullable<HandshakeParts["decide"]>;
  open?(connection: Connection): Handled;
  /** A message has come. While a promise is pending, nothing more is read from this connection. */
  packet?(connection: Connection, packet: Packet): Handled;
  /** The connection is over; told once for each that `open` was called for. 1006 when it broke without a close frame. */
  close?(connection: Connection, code: number, reason: string): Handled;
  /** A connection that had bytes waiting has none any more. */
  drain?(connection: Connection): Handled;
}

/** Defaults are in limits.ts, under the same names. */
export interface ServerOptions extends Handlers {
  /** Hands out views of what was received instead of copies: see {@link Packet}. Default false. */
  zeroCopy?: boolean;
  /** Takes the requests on the same port that are not for a WebSocket; without it they are answered 426. */
  http?: RequestListener | HttpServer;
  /** Default "auto": the addon, or node:net where it cannot be loaded. */
  driver?: DriverChoice;
  headBytesMax?: number;
  headSecondsMax?: number;
  messageBytesMax?: number;
  outboxBytesMax?: number;
  workersMax?: number;
  heartbeatSeconds?: number;
  pongSecondsMax?: number;
  closeSecondsMax?: number;
  log?: Log;
}

export interface ListenOptions {
  /** 0, the default, lets the kernel choose. */
  port?: number;
  /** A numeric IPv4 or IPv6 address. Default "::", which takes IPv4 too; "0.0.0.0" where there is no IPv6. */
  host?: string;
  /** A Unix socket's path, instead of port and host; it must hold a `/`. */
  path?: string;
  backlog?: number;
  /** Lets several processes listen on the port; the kernel spreads connections over them. */
  reusePort?: boolean;
  ipv6Only?: boolean;
}

/** Where a server listens; for a Unix socket the path, and port 0. */
export interface ListeningAddress {
  address: string;
  port: number;
}

/** The door for layers that keep columns of their own: everything by descriptor. */
export interface ServerWire extends Wire {
  /** Sends the same bytes, frames that nobody will change, to `fds[0, count)`, at most fanoutSliceSends. */
  multicast(frames: Uint8Array, fds: Int32Array, count: number): void;
  /** The handle of an open connection. */
  handle(fd: number): Connection;
}

/** Makes a WebSocket server; it begins with `listen`. Throws BELFRY_BAD_OPTION for an option that is not allowed. */
export function createServer(options: ServerOptions = {}): Server {
  checkServerOptions(options);
  return new Server(options);
}

/**
 * The composition root: listen → accept → upgrade → receive → handler. The parts know nothing of each other; what one
 * needs of another it gets here, as a function.
 */
export class Server {
  /** See {@link ServerWire}. */
  readonly wire: ServerWire;
  readonly #options: ServerOptions;
  readonly #log: Log;
  readonly #columns = new Columns();
  readonly #held = new Held(this.#columns);
  readonly #buffers = new BufferPool(limits.pooledBytesMax);
  readonly #listeners = new Set<number>();
  /** Descriptors, each with its generation, whose bytes wait for a free worker. */
  readonly #parked: number[] = [];
  readonly #view = new Packet();
  readonly #poll: Netpoll;
  readonly #workers: WorkerPool;
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly #handles: Handles;
  readonly #receiver: Receiver;
  readonly #handshake: Handshake;
  readonly #closing: Closing;
  readonly #heartbeat: Heartbeat;
  readonly #admission: Admission;
  readonly #http: HttpDoor | undefined;
  #connections = 0;
  #emptied = () => {};
  #state: "new" | "listening" | "closing" | "closed" = "new";

  /** Use {@link createServer}, which checks the options. */
  constructor(options: ServerOptions) {
    this.#options = options;
    this.#log = options.log ?? silent;
    const harvest = () => this.#harvest();
    this.#poll = openDriver({
      choice: options.driver ?? "auto",
      inputBytes: limits.inputSlabBytes,
      outputBytes: limits.outputSlabBytes,
      ready: () => this.#outbox.batch(harvest),
      says: (line) => this.#log.info(line),
    });
    this.#workers = new WorkerPool(options.workersMax ?? limits.workersMax, () => this.#relieve());
    this.#outbox = this.#makeOutbox();
    this.#sender = new Sender(this.#outbox);
    this.wire = this.#makeWire();
    this.#handles = new Handles(this.wire, this.#columns);
    this.#receiver = this.#makeReceiver();
    this.#handshake = this.#makeHandshake();
    this.#closing = this.#makeClosing();
    this.#heartbeat = this.#makeHeartbeat();
    this.#admission = new Admission({
      rest: (listener) => this.#poll.rest(listener),
      resume: (listener) => this.#poll.resume(listener),
      warn: (line) => this.#log.warn(line),
    });
    this.#http = options.http ? new HttpDoor(options.http) : undefined;
  }

  /** How many descriptors are held: WebSockets, handshakes, and connections that linger after their end. */
  get connections(): number {
    return this.#connections;
  }
  /** Which driver runs. */
  get driver(): "native" | "portable" {
    return this.#poll.driver;
  }

  /** Listens; may be called for several addresses. Rejects with SystemError, EADDRINUSE say, or BELFRY_BAD_OPTION. */
  async listen(options: ListenOptions = {}): Promise<ListeningAddress> {
    checkListenOptions(options);
    if (this.#state === "closing" || this.#state === "closed") {
      throw new BelfryError("BELFRY_BAD_STATE", "listen: the server is closed");
    }
    const { port = 0, backlog = limits.backlog } = options;
    const bits = (options.reusePort ? listenFlags.REUSE_PORT : 0) | (options.ipv6Only ? listenFlags.V6_ONLY : 0);
    const host = options.path ?? options.host ?? "::";
    let listener = await this.#poll.listen(host, port, backlog, bits);
    if (options.host === undefined && noIpv6(listener))
      listener = await this.#poll.listen("0.0.0.0", port, backlog, bits);
    if (listener < 0) throw new SystemError(errnoName(listener), `listen on ${options.path ?? `${host} port ${port}`}`);
    this.#listeners.add(listener);
    this.#admission.add(listener);
    this.#heartbeat.start();
    this.#state = "listening";
    return listeningAddress(this.#poll.local(listener));
  }

  /** Stops listening, closes every connection with `code`, and waits until all have ended, at most closeSecondsMax. */
  async close(code: number = closeCodes.GOING_AWAY, reason = "the server closes"): Promise<void> {
    if (this.#state === "closed" || this.#state === "closing") return;
    this.#state = "closing";
    const ms = (this.#options.closeSecondsMax ?? limits.closeSecondsMax) * 1000;
    this.#admission.close();
    for (const listener of this.#listeners) this.#poll.close(listener);
    const http = this.#http?.close(ms);
    this.#outbox.batch(() => this.#each((fd, phase) => this.#askToEnd(fd, phase, code, reason)));
    if (this.#connections > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#emptied = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    await http;
    this.#each((fd) => this.#closing.lose(fd, code, reason));
    this.#outbox.flush();
    this.#heartbeat.stop();
    this.#poll.destroy();
    this.#state = "closed";
  }

  #askToEnd(fd: number, phase: number, code: number, reason: string): void {
    if (phase === phases.OPEN) this.#closing.begin(fd, code, reason);
    else if (phase === phases.HEAD || phase === phases.UPGRADING) this.#handshake.refuse(fd, 503, reason);
  }

  #each(visit: (fd: number, phase: number) => void): void {
    for (let fd = 0; fd < this.#columns.high; fd++) {
      const phase = this.#columns.phase[fd] as number;
      if (phase !== phases.FREE) visit(fd, phase);
    }
  }

  // ---- The way in ---------------------------------------------------------------------------------------------------

  #harvest(): void {
    const { records, slab } = this.#poll;
    const end = this.#poll.wait() * RECORD;
    for (let i = 0; i < end; i += RECORD) {
      const fd = records[i] as number;
      const value = records[i + 2] as number;
      const offset = records[i + 3] as number;
      switch (records[i + 1]) {
        case events.DATA:
          this.#take(fd, slab, offset, offset + value);
          break;
        case events.ACCEPTED:
          this.#accept(fd);
          break;
        case events.END:
          this.#ended(fd, value);
          break;
        case events.WRITABLE:
          this.#outbox.writable(fd);
          break;
        case events.RESTED:
          this.#admission.exhaust(errnoName(value));
          break;
      }
    }
  }

  #accept(fd: number): void {
    this.#columns.reserve(fd);
    this.#columns.enter(fd, phases.HEAD);
    this.#connections++;
    if (this.#state !== "listening") this.#closing.lose(fd, closeCodes.GOING_AWAY, "");
  }

  #take(fd: number, bytes: Uint8Array, from: number, to: number): void {
    const columns = this.#columns;
    const phase = columns.phase[fd];
    if (phase === phases.OPEN) {
      columns.age[fd] = 0;
      this.#receiver.take(fd, bytes, from, to);
    } else if (phase === phases.HEAD) this.#handshake.take(fd, bytes, from, to);
    else if (phase === phases.CLOSING) this.#receiver.take(fd, bytes, from, to);
  }

  #ended(fd: number, result: number): void {
    if (this.#columns.phase[fd] === phases.FREE) return;
    if (result < 0) this.#closing.lose(fd, closeCodes.ABNORMAL, errnoName(result));
    else this.#closing.ended(fd);
  }

  // ---- Handlers, and the work they begin ------------------------------------------------------------------------------

  #message(fd: number, opcode: number, bytes: Uint8Array, from: number, to: number): void {
    const handler = this.#options.packet;
    if (!handler) return;
    const isText = opcode === opcodes.TEXT;
    if (this.#options.zeroCopy) {
      const view = this.#view.view(isText, bytes as Buffer, from, to);
      this.#run(fd, handler, view);
      view.expire();
    } else {
      const copy = Buffer.allocUnsafeSlow(to - from);
      copy.set(bytes.subarray(from, to));
      this.#run(fd, handler, new Packet().view(isText, copy, 0, copy.length));
    }
  }

  #run<Value>(fd: number, handler: (connection: Connection, value: Value) => Handled, value: Value): void {
    try {
      const work = handler.call(this.#options, this.#handles.of(fd), value);
      if (work instanceof Promise) this.#wait(fd, work);
    } catch (error) {
      this.#threw(fd, error);
    }
  }

  /** An asynchronous handler holds a worker, and its connection is not read from, until its promise settles. */
  #wait(fd: number, work: Promise<unknown>): void {
    const generation = this.#columns.generation[fd];
    this.#pauseFor(
      fd,
      work.then(
        () => () => {},
        (error: unknown) => () => {
          if (this.#columns.generation[fd] === generation) this.#threw(fd, error);
        },
      ),
    );
  }

  #threw(fd: number, error: unknown): void {
    this.#log.error(`a handler failed: ${describe(error)}`);
    const phase = this.#columns.phase[fd];
    if (phase === phases.OPEN) this.#closing.fail(fd, closeCodes.INTERNAL_ERROR, "the server failed");
  }

  #pauseFor(fd: number, work: Promise<() => void>): void {
    const generation = this.#columns.generation[fd] as number;
    this.#pause(fd);
    this.#workers.hold(
      work.then((then) => {
        if (this.#columns.generation[fd] !== generation) return;
        this.#outbox.batch(() => {
          then();
          if (this.#columns.generation[fd] === generation) this.#resume(fd);
        });
      }),
    );
    if (!this.#workers.saturated) return;
    this.#poll.watching(false);
    this.#admission.saturate();
  }

  #pause(fd: number): void {
    const bits = (this.#columns.flags[fd] as number) | flags.PAUSED;
    this.#columns.flags[fd] = bits;
    this.#poll.arm(fd, interestOf(bits));
  }

  #resume(fd: number): void {
    this.#columns.flags[fd] = (this.#columns.flags[fd] as number) & ~flags.PAUSED;
    const bytes = this.#held.take(fd);
    if (bytes) this.#take(fd, Buffer.from(bytes.buffer), 0, bytes.length);
    const bits = this.#columns.flags[fd] as number;
    if (this.#columns.phase[fd] !== phases.FREE && (bits & flags.PAUSED) === 0) this.#poll.arm(fd, interestOf(bits));
  }

  /** Bytes came for which no worker is free. */
  #park(fd: number): void {
    if (((this.#columns.flags[fd] as number) & flags.PAUSED) !== 0) return;
    this.#pause(fd);
    this.#parked.push(fd, this.#columns.generation[fd] as number);
  }

  /** A worker is free again: first those who already wait, then the kernel. */
  #relieve(): void {
    this.#outbox.batch(() => {
      while (this.#parked.length > 0 && !this.#workers.saturated) {
        const [fd, generation] = this.#parked.splice(0, 2) as [number, number];
        if (this.#columns.generation[fd] === generation) this.#resume(fd);
      }
    });
    if (this.#workers.saturated || this.#state === "closed") return;
    this.#poll.watching(true);
    this.#admission.relieve();
  }

  // ---- The parts --------------------------------------------------------------------------------------------------------

  #makeOutbox(): Outbox {
    return new Outbox({
      poll: this.#poll,
      columns: this.#columns,
      bytesMax: this.#options.outboxBytesMax ?? limits.outboxBytesMax,
      broken: (fd, result) => {
        if (this.#columns.phase[fd] === phases.FREE) return;
        if (result < 0) this.#closing.lose(fd, closeCodes.ABNORMAL, errnoName(result));
        else this.#closing.lose(fd, closeCodes.SLOW, "slow: outboxBytesMax");
      },
      drained: (fd) => {
        const bits = this.#columns.flags[fd] as number;
        if (this.#columns.phase[fd] === phases.LINGER && (bits & flags.PAUSED) !== 0) this.#release(fd);
        else if (this.#options.drain && this.#columns.phase[fd] === phases.OPEN)
          this.#run(fd, this.#options.drain, undefined);
      },
    });
  }

  #makeWire(): ServerWire {
    const columns = this.#columns;
    return {
      isOpen: (fd, generation) => columns.generation[fd] === generation && columns.phase[fd] === phases.OPEN,
      text: (fd, text) => {
        if (columns.phase[fd] === phases.OPEN) this.#sender.text(fd, text);
      },
      bytes: (fd, bytes) => this.#sender.bytes(fd, opcodes.BINARY, bytes, 0, bytes.length),
      packet: (fd, packet) => {
        const opcode = packet.isText ? opcodes.TEXT : opcodes.BINARY;
        this.#sender.bytes(fd, opcode, packet.source, packet.sourceFrom, packet.sourceTo);
      },
      close: (fd, code, reason) => this.#closing.begin(fd, code, reason),
      cut: (fd) => this.#closing.lose(fd, closeCodes.ABNORMAL, "terminated"),
      bufferedBytes: (fd) => this.#outbox.bufferedBytes(fd),
      peer: (fd) => addressPart(this.#poll.peer(fd)),
      pin: (connection) => this.#handles.pin(connection),
      multicast: (frames, fds, count) => this.#outbox.multicast(frames, fds, count),
      handle: (fd) => this.#handles.of(fd),
    };
  }

  #makeReceiver(): Receiver {
    return new Receiver({
      columns: this.#columns,
      buffers: this.#buffers,
      rules: {
        server: true,
        rsvAllowed: 0,
        messageBytesMax: this.#options.messageBytesMax ?? limits.messageBytesMax,
        fragmentsMax: limits.fragmentsMax,
      },
      saturated: () => this.#workers.saturated,
      hold: (fd, bytes, from, to) => this.#hold(fd, bytes, from, to),
      message: (fd, opcode, bytes, from, to) => this.#message(fd, opcode, bytes, from, to),
      ping: (fd, bytes, from, to) => this.#sender.bytes(fd, opcodes.PONG, bytes, from, to),
      closed: (fd, code, reason) => this.#closing.answer(fd, code, reason),
      failed: (fd, code, reason) => this.#closing.fail(fd, code, reason),
    });
  }

  #hold(fd: number, bytes: Uint8Array, from: number, to: number): void {
    this.#held.keep(fd, bytes, from, to);
    if (this.#workers.saturated) this.#park(fd);
  }

  #makeHandshake(): Handshake {
    const { upgrade, open } = this.#options;
    return new Handshake({
      columns: this.#columns,
      outbox: this.#outbox,
      sender: this.#sender,
      buffers: this.#buffers,
      headBytesMax: this.#options.headBytesMax ?? limits.headBytesMax,
      decide: upgrade?.bind(this.#options),
      saturated: () => this.#workers.saturated,
      hold: (fd, bytes, from, to) => this.#hold(fd, bytes, from, to),
      pauseFor: (fd, work) => this.#pauseFor(fd, work),
      peer: (fd) => addressPart(this.#poll.peer(fd)),
      handOver: (fd, bytes, from, to) => {
        if (!this.#http) return false;
        const read = Buffer.from(bytes.subarray(from, to));
        this.#forget(fd);
        this.#http.enter(this.#poll.detach(fd), read);
        return true;
      },
      opened: (fd, data, bytes, from, to) => {
        if (data !== undefined) this.#handles.of(fd).data = data;
        if (open) this.#run(fd, open, undefined);
        if (from < to) this.#take(fd, bytes, from, to);
      },
      refused: (fd) => this.#closing.linger(fd),
      threw: (error) => this.#log.error(`the upgrade handler failed: ${describe(error)}`),
    });
  }

  #makeClosing(): Closing {
    return new Closing({
      columns: this.#columns,
      outbox: this.#outbox,
      sender: this.#sender,
      pause: (fd) => this.#pause(fd),
      closed: (fd, code, reason) => {
        const handler = this.#options.close;
        if (!handler) return;
        try {
          const work = handler.call(this.#options, this.#handles.of(fd), code, reason);
          if (work instanceof Promise) work.catch((error: unknown) => this.#threw(fd, error));
        } catch (error) {
          this.#threw(fd, error);
        }
      },
      release: (fd) => this.#release(fd),
    });
  }

  #makeHeartbeat(): Heartbeat {
    const { headSecondsMax, heartbeatSeconds, pongSecondsMax, closeSecondsMax } = { ...limits, ...this.#options };
    const times = {
      headSeconds: headSecondsMax,
      heartbeatSeconds,
      pongSeconds: pongSecondsMax,
      closeSeconds: closeSecondsMax,
    };
    const served = () => !this.#workers.saturated;
    const heartbeat: Heartbeat = new Heartbeat(this.#columns, times, served, (fd, phase, age) => {
      const { ages } = heartbeat;
      if (phase === phases.OPEN) {
        if (age === ages.ping) this.#sender.bytes(fd, opcodes.PING, NOTHING, 0, 0);
        else if (age >= ages.dead) this.#silent(fd);
      } else if (phase === phases.HEAD && age >= ages.head) {
        this.#handshake.refuse(fd, 408, `headSecondsMax is ${headSecondsMax} (option headSecondsMax)`);
      } else if (phase === phases.UPGRADING && age >= ages.head) {
        this.#handshake.refuse(fd, 503, "the upgrade was not decided in time");
      } else if ((phase === phases.CLOSING || phase === phases.LINGER) && age >= ages.close) {
        this.#closing.lose(fd, closeCodes.ABNORMAL, "the peer did not end the connection");
      }
    });
    return heartbeat;
  }

  /** Not a byte came, not even an answer to the ping. */
  #silent(fd: number): void {
    if (((this.#columns.flags[fd] as number) & flags.PAUSED) !== 0) this.#columns.age[fd] = 0;
    else if (this.#receiver.isPartial(fd))
      this.#closing.fail(fd, closeCodes.POLICY_VIOLATION, "half a message, then silence");
    else this.#closing.fail(fd, closeCodes.POLICY_VIOLATION, "no answer to a ping (option pongSecondsMax)");
  }

  #forget(fd: number): void {
    this.#receiver.forget(fd);
    this.#handshake.forget(fd);
    this.#held.take(fd);
    this.#handles.forget(fd);
    this.#columns.free(fd);
    this.#connections--;
    if (this.#connections === 0) this.#emptied();
  }

  #release(fd: number): void {
    this.#forget(fd);
    this.#outbox.close(fd);
    this.#admission.freed();
  }
}

const NOTHING = new Uint8Array(0);

/** Whether a failed listen on "::" says that there is no IPv6 here. */
function noIpv6(result: number): boolean {
  return result < 0 && ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"].includes(errnoName(result));
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The address of "ADDRESS PORT". */
function addressPart(name: string | number): string {
  return typeof name === "string" ? name.slice(0, name.lastIndexOf(" ")) : "";
}

function listeningAddress(name: string | number): ListeningAddress {
  const text = typeof name === "string" ? name : " 0";
  return { address: addressPart(text), port: Number(text.slice(text.lastIndexOf(" ") + 1)) };
}
