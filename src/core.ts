import type { Socket } from "node:net";
import { Admission } from "./connection/admission.ts";
import { Application, describe } from "./connection/application.ts";
import { Closing } from "./connection/closing.ts";
import { Columns, flags, phases } from "./connection/columns.ts";
import { Compression } from "./connection/compression.ts";
import { type DeadlinesParts, makeHeartbeat } from "./connection/deadlines.ts";
import { Handles } from "./connection/handles.ts";
import { Handshake } from "./connection/handshake.ts";
import { makeTurn } from "./connection/harvest.ts";
import type { Heartbeat } from "./connection/heartbeat.ts";
import { HttpDoor } from "./connection/http-door.ts";
import { interestOf, Outbox, slowReason } from "./connection/outbox.ts";
import { Pauses } from "./connection/pauses.ts";
import { Receiver } from "./connection/receive.ts";
import { addressFull } from "./connection/refusal.ts";
import { Sender } from "./connection/sender.ts";
import type { ServerStats } from "./connection/server-stats.ts";
import { makeWire, type ServerWire } from "./connection/wire.ts";
import { limits } from "./limits.ts";
import type { Log } from "./log.ts";
import { addressPart, errnoName, type Netpoll, openDriver } from "./netpoll/index.ts";
import type { ServerOptions } from "./options.ts";
import { BufferPool, WorkerPool } from "./pool/index.ts";
import { closeCodes, opcodes } from "./ws/index.ts";

/**
 * The composition root: accept → upgrade → receive → handler, and back out. The parts know nothing of each other; what
 * one needs of another it gets here, as a function.
 */
export class Core {
  /** See {@link ServerWire}. */
  readonly wire: ServerWire;
  readonly poll: Netpoll;
  readonly admission: Admission;
  readonly heartbeat: Heartbeat;
  /** Takes what the kernel has now. Not from within what it calls. */
  readonly turn: () => void;
  /** Where requests go that are not for a WebSocket. */
  readonly http: HttpDoor | undefined;
  readonly #options: ServerOptions;
  readonly #log: Log;
  readonly #columns = new Columns();
  readonly #buffers = new BufferPool(limits.pooledBytesMax);
  readonly #workers: WorkerPool;
  readonly #outbox: Outbox;
  readonly #compression: Compression;
  readonly #sender: Sender;
  readonly #handles: Handles;
  readonly #application: Application;
  readonly #pauses: Pauses;
  readonly #receiver: Receiver;
  readonly #handshake: Handshake;
  readonly #closing: Closing;
  #ending = false;
  #ended = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: ServerOptions, log: Log) {
    this.#options = options;
    this.#log = log;
    this.poll = openDriver({
      choice: options.driver ?? "auto",
      inputBytes: limits.inputSlabBytes,
      outputBytes: limits.outputSlabBytes,
      ready: () => this.turn(),
      says: (line) => log.info(line),
    });
    this.turn = makeTurn({
      poll: this.poll,
      batch: (work) => this.#outbox.batch(work),
      saturated: () => this.#workers.saturated,
      accepted: (fd) => this.#accept(fd),
      received: (fd, bytes, from, to) => this.#take(fd, bytes, from, to),
      ended: (fd, result) => this.#end(fd, result),
      writable: (fd) => this.#outbox.writable(fd),
      failed: (fd, error) => this.#failed(fd, error),
      rested: (result) => this.admission.exhaust(errnoName(result)),
    });
    this.#workers = new WorkerPool(options.workersMax ?? limits.workersMax, () => this.#relieve());
    this.#outbox = this.#makeOutbox();
    this.#compression = new Compression(this.#columns, options);
    this.#sender = new Sender(this.#outbox, this.#columns, this.#compression);
    this.wire = this.#makeWire();
    this.#handles = new Handles(this.wire, this.#columns);
    this.#application = this.#makeApplication();
    this.#pauses = this.#makePauses();
    this.#receiver = this.#makeReceiver();
    this.#handshake = this.#makeHandshake();
    this.#closing = this.#makeClosing();
    this.heartbeat = this.#makeHeartbeat();
    this.admission = new Admission({
      poll: this.poll,
      options: options.admission ?? {},
      peer: (fd) => addressPart(this.poll.peer(fd)),
      outboundBytes: () => this.wire.outbound.counts.bytes,
      log,
    });
    this.http = options.http ? new HttpDoor(options.http) : undefined;
  }

  /** See {@link ServerStats}. */
  get stats(): ServerStats {
    const { counts } = this.#columns;
    return { counts, pool: this.#workers, admission: this.admission.state, outbound: this.wire.outbound.counts };
  }

  /** Asks every connection to end: WebSockets with a close frame, handshakes with a 503. Nobody new is let in. */
  askToEnd(code: number, reason: string): void {
    this.#ending = true;
    this.#outbox.batch(() =>
      this.#each((fd, phase) => {
        if (phase === phases.OPEN) this.#closing.begin(fd, code, reason);
        else if (phase === phases.HEAD || phase === phases.UPGRADING) this.#handshake.refuse(fd, 503, reason);
      }),
    );
  }

  /** Cuts whoever is still there, and ends the driver. */
  end(code: number, reason: string): void {
    this.#ended = true;
    clearInterval(this.#retry);
    this.#each((fd) => this.#closing.lose(fd, code, reason));
    this.#outbox.flush();
    this.poll.destroy();
  }

  #each(visit: (fd: number, phase: number) => void): void {
    for (let fd = 0; fd < this.#columns.high; fd++) {
      const phase = this.#columns.phase[fd] as number;
      if (phase !== phases.FREE) visit(fd, phase);
    }
  }

  // ---- The way in -----------------------------------------------------------------------------------------------

  #accept(fd: number): void {
    this.#columns.begin(fd, phases.HEAD);
    const entry = this.admission.accept(fd);
    if (this.#ending || entry === "cut") this.#closing.lose(fd, closeCodes.GOING_AWAY, "");
    else if (entry === "refuse") this.#handshake.refuse(fd, ...addressFull());
  }

  #take(fd: number, bytes: Uint8Array, from: number, to: number): void {
    const phase = this.#columns.phase[fd];
    if (phase === phases.OPEN) this.#columns.age[fd] = 0;
    if (phase === phases.OPEN || phase === phases.CLOSING) this.#receiver.take(fd, bytes, from, to);
    else if (phase === phases.HEAD) this.#handshake.take(fd, bytes, from, to);
  }

  /** Goes on with a connection that an HTTP server had; `bytes` come first. Returns its descriptor, or `-errno`. */
  takeOver(socket: Socket, bytes: Buffer): number {
    const fd = this.poll.adopt(socket);
    if (fd < 0) return fd;
    this.#outbox.batch(() => {
      this.#accept(fd);
      this.#take(fd, bytes, 0, bytes.length);
    });
    return fd;
  }

  /** A mistake of Belfry's own: one connection pays for it, not the process. */
  #failed(fd: number, error: unknown): void {
    this.#log.error(`a connection is given up: ${describe(error)}`);
    if (this.#columns.phase[fd] !== phases.FREE) this.#closing.lose(fd, closeCodes.INTERNAL_ERROR, "the server failed");
  }

  #end(fd: number, result: number): void {
    if (this.#columns.phase[fd] === phases.FREE) return;
    if (result < 0) this.#closing.lose(fd, closeCodes.ABNORMAL, errnoName(result));
    else this.#closing.ended(fd);
  }

  /** A worker is free again: first those who already wait, then the kernel. */
  #relieve(): void {
    this.#pauses.unpark();
    if (this.#workers.saturated || this.#ended) return;
    clearInterval(this.#retry);
    this.#retry = undefined;
    this.poll.watching(true);
    this.admission.relieve();
  }

  // ---- The parts ------------------------------------------------------------------------------------------------

  #makeOutbox(): Outbox {
    return new Outbox({
      poll: this.poll,
      columns: this.#columns,
      options: this.#options,
      broken: (fd, result) => {
        if (result < 0) this.#closing.lose(fd, closeCodes.ABNORMAL, errnoName(result));
        else this.#closing.lose(fd, closeCodes.SLOW, slowReason(result));
      },
      drained: (fd) => {
        if (this.#columns.phase[fd] !== phases.LINGER) this.#application.drain(fd);
        else if (((this.#columns.flags[fd] as number) & flags.PAUSED) !== 0) this.#release(fd);
      },
    });
  }

  #makeWire(): ServerWire {
    return makeWire({
      columns: this.#columns,
      outbox: this.#outbox,
      sender: this.#sender,
      compression: this.#compression,
      close: (fd, code, reason) => this.#closing.begin(fd, code, reason),
      cut: (fd) => this.#closing.lose(fd, closeCodes.ABNORMAL, "terminated", "server"),
      peer: (fd) => addressPart(this.poll.peer(fd)),
      pin: (connection) => this.#handles.pin(connection),
      handle: (fd) => this.#handles.of(fd),
      poll: this.poll,
    });
  }

  #makeApplication(): Application {
    return new Application({
      handlers: this.#options,
      columns: this.#columns,
      zeroCopy: this.#options.zeroCopy ?? false,
      handle: (fd) => this.#handles.of(fd),
      until: (fd, work) => this.#pauses.until(fd, work),
      fail: (fd, code, reason) => this.#closing.fail(fd, code, reason),
      error: (line) => this.#log.error(line),
    });
  }

  #makePauses(): Pauses {
    return new Pauses({
      columns: this.#columns,
      arm: (fd) => this.poll.arm(fd, interestOf(this.#columns.flags[fd] as number)),
      take: (fd, bytes, from, to) => this.#take(fd, bytes, from, to),
      batch: (work) => this.#outbox.batch(work),
      hold: (work) => this.#workers.hold(work),
      saturated: () => this.#workers.saturated,
      failed: (fd, error) => this.#failed(fd, error),
      exhausted: () => {
        this.poll.watching(false);
        this.admission.saturate();
        // Nobody tells who is writable now, and it may be just that what the busy handlers wait for.
        this.#retry ??= setInterval(() => this.#outbox.batch(() => this.#outbox.retry()), limits.saturatedRetryMs);
      },
    });
  }

  #makeReceiver(): Receiver {
    return new Receiver({
      columns: this.#columns,
      buffers: this.#buffers,
      compression: this.#compression,
      saturated: () => this.#workers.saturated,
      hold: (fd, bytes, from, to) => this.#pauses.keep(fd, bytes, from, to),
      message: (fd, opcode, bytes, from, to) => this.#application.message(fd, opcode, bytes, from, to),
      ping: (fd, bytes, from, to) => this.#sender.bytes(fd, opcodes.PONG, bytes, from, to),
      closed: (fd, code, reason) => this.#closing.answer(fd, code, reason),
      failed: (fd, code, reason) => this.#closing.fail(fd, code, reason),
    });
  }

  #makeHandshake(): Handshake {
    return new Handshake({
      columns: this.#columns,
      outbox: this.#outbox,
      sender: this.#sender,
      buffers: this.#buffers,
      compression: this.#compression,
      headBytesMax: this.#options.headBytesMax ?? limits.headBytesMax,
      decide: this.#options.upgrade?.bind(this.#options),
      saturated: () => this.#workers.saturated,
      hold: (fd, bytes, from, to) => this.#pauses.keep(fd, bytes, from, to),
      until: (fd, work) => this.#pauses.until(fd, work),
      peer: (fd) => addressPart(this.poll.peer(fd)),
      handOver: (fd, bytes, from, to) => this.#handOver(fd, bytes, from, to),
      opened: (fd, data, bytes, from, to) => {
        this.admission.settled();
        if (data !== undefined) this.#handles.of(fd).data = data;
        this.#application.open(fd);
        if (from < to) this.#take(fd, bytes, from, to);
      },
      refused: (fd) => {
        this.admission.settled();
        this.#closing.linger(fd);
      },
      threw: (error) => this.#log.error(`the upgrade handler failed: ${describe(error)}`),
    });
  }

  #handOver(fd: number, bytes: Uint8Array, from: number, to: number): boolean {
    if (!this.http) return false;
    const read = Buffer.from(bytes.subarray(from, to));
    this.#forget(fd);
    this.http.enter(this.poll.detach(fd), read);
    return true;
  }

  #makeClosing(): Closing {
    return new Closing({
      columns: this.#columns,
      outbox: this.#outbox,
      sender: this.#sender,
      pause: (fd) => this.#pauses.pause(fd),
      closed: (fd, code, reason) => this.#application.close(fd, code, reason),
      release: (fd) => this.#release(fd),
    });
  }

  #makeHeartbeat(): Heartbeat {
    const deadlines: DeadlinesParts = {
      columns: this.#columns,
      isPartial: (fd) => this.#receiver.isPartial(fd),
      ping: (fd) => this.#sender.bytes(fd, opcodes.PING, this.#outbox.slab, 0, 0),
      refuse: (fd, status, reason) => this.#handshake.refuse(fd, status, reason),
      fail: (fd, code, reason) => this.#closing.fail(fd, code, reason),
      lose: (fd, code, reason) => this.#closing.lose(fd, code, reason),
    };
    // Time in which nothing is harvested, since all workers are busy, is not the clients' fault either.
    return makeHeartbeat(deadlines, { ...limits, ...this.#options }, () => !this.#workers.saturated);
  }

  // ---- The end --------------------------------------------------------------------------------------------------

  /** Drops all that is kept for a descriptor. */
  #forget(fd: number): void {
    this.admission.left(fd, this.#columns.phase[fd] as number);
    this.#receiver.forget(fd);
    this.#compression.forget(fd);
    this.#handshake.forget(fd);
    this.#pauses.forget(fd);
    this.#handles.forget(fd);
    this.#columns.free(fd);
  }

  #release(fd: number): void {
    this.#forget(fd);
    this.#outbox.close(fd);
    this.admission.freed();
  }
}
