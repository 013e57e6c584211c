import { limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Netpoll } from "../netpoll/index.ts";
import { AcceptBucket } from "./accept-bucket.ts";
import { AddressCounts } from "./address-counts.ts";
import { type AdmissionOptions, withDefaults } from "./admission-options.ts";
import { type AdmissionCause, type AdmissionState, type Measure, reasonOf } from "./admission-state.ts";
import { phases } from "./columns.ts";
import { Doors, type Place } from "./doors.ts";
import { Gate } from "./gate.ts";
import { Load } from "./load.ts";

/** What the admission needs of the other parts. */
export interface AdmissionParts {
  readonly poll: Netpoll;
  readonly options: AdmissionOptions;
  /** The address of a connection. */
  readonly peer: (fd: number) => string;
  /** Bytes that wait for all connections together. */
  readonly outboundBytes: () => number;
  readonly log: Log;
}

/** What becomes of a connection that was accepted: `refuse` answers it 429, `cut` ends it without a word. */
export type Entry = "enter" | "refuse" | "cut";

/**
 * Who is let in. The listeners are shut as long as there is a cause: all workers are busy for longer than
 * acceptPatienceMs, the process has no descriptor left, connections come too fast, or a gate is over its mark. What
 * then becomes of the clients is the matter of {@link Doors}.
 */
export class Admission {
  /** Connections of the server, whatever their state. */
  connections = 0;
  readonly #parts: AdmissionParts;
  readonly #options: Required<AdmissionOptions>;
  readonly #gates: Readonly<Record<Measure, Gate>>;
  readonly #doors: Doors;
  readonly #load: Load;
  readonly #addresses: AddressCounts | undefined;
  readonly #causes = new Set<AdmissionCause>();
  /** Connections that are being told 429. */
  readonly #refusing = new Set<number>();
  /** Whether each accept counts against a bound, so that a batch of them must not go over it. */
  readonly #isCounting: boolean;
  #bucket: AcceptBucket | undefined;
  #patience: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #refill: NodeJS.Timeout | undefined;
  #tell: NodeJS.Timeout | undefined;
  #shutAt: number | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  #exhaustedAt = 0;
  #isPaced = false;
  #emptied = () => {};
  #handshakes = 0;
  #accepted = 0;
  #shuts = 0;
  #refusedAddress = 0;

  constructor(parts: AdmissionParts) {
    const options = withDefaults(parts.options);
    this.#parts = parts;
    this.#options = options;
    this.#gates = gatesOf(options);
    const { poll, log, outboundBytes } = parts;
    const { overload, refuseAfterSeconds, connectionsPerAddressMax: perAddress } = options;
    const reason = () => this.#reasons().join("; ");
    this.#doors = new Doors({ poll, overload, refuseAfterSeconds, reason, error: (line) => log.error(line) });
    this.#addresses = perAddress > 0 ? new AddressCounts(perAddress) : undefined;
    this.#isCounting = options.connectionsMax + options.handshakesMax + options.acceptsPerSecondMax > 0;
    this.#load = new Load({
      residentBytes: () => process.memoryUsage.rss(),
      outboundBytes,
      now: () => performance.now(),
      sampled: (lagMs, residentBytes, waiting) => {
        this.#measure("lag", lagMs);
        this.#measure("residentBytes", residentBytes);
        this.#measure("outboundBytes", waiting);
      },
    });
  }

  /** Listens; returns the address, "ADDRESS PORT", or `-errno`. */
  listen(place: Place): Promise<string | number> {
    const { lagMsMax, residentBytesMax, waitingBytesMax, acceptsPerSecondMax, acceptsBurstMax, rampSeconds } =
      this.#options;
    if (lagMsMax + residentBytesMax + waitingBytesMax > 0) this.#load.start();
    if (acceptsPerSecondMax > 0) {
      const burst = acceptsBurstMax || acceptsPerSecondMax / 10;
      this.#bucket ??= new AcceptBucket({ perSecond: acceptsPerSecondMax, burst, rampSeconds });
    }
    if (this.#isCounting) this.#bound();
    return this.#doors.listen(place);
  }

  /** What is known of it now. */
  get state(): AdmissionState {
    return {
      isOpen: this.#causes.size === 0,
      isPaced: this.#isPaced,
      causes: [...this.#causes],
      reasons: this.#reasons(),
      connections: this.connections,
      handshakes: this.#handshakes,
      lagMs: this.#gates.lag.value,
      accepted: this.#accepted,
      shuts: this.#shuts,
      refusedOverload: this.#doors.refused,
      refusedAddress: this.#refusedAddress,
      portsClosed: this.#doors.closings,
    };
  }

  /** A connection was accepted. */
  accept(fd: number): Entry {
    this.connections++;
    this.#handshakes++;
    this.#accepted++;
    if (this.#isCounting) this.#count();
    if (!this.#addresses || this.#addresses.enter(fd, this.#parts.peer(fd))) return "enter";
    this.#refusedAddress++;
    if (this.#refusing.size >= limits.refusalsInFlightMax) return "cut";
    this.#refusing.add(fd);
    return "refuse";
  }

  /** A handshake is over: the connection is open, refused, or gone. */
  settled(): void {
    this.#handshakes--;
    this.#measure("handshakes", this.#handshakes);
    if (this.#isCounting) this.#bound();
  }

  /** A connection is forgotten that was in this phase. */
  left(fd: number, phase: number): void {
    if (phase === phases.HEAD || phase === phases.UPGRADING) this.settled();
    this.connections--;
    if (this.connections === 0) this.#emptied();
    this.#measure("connections", this.connections);
    if (this.#isCounting) this.#bound();
    this.#addresses?.leave(fd);
    this.#refusing.delete(fd);
  }

  /** Resolves when no connection is left, or after `ms`. */
  async emptied(ms: number): Promise<void> {
    if (this.connections === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#emptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** All workers are busy. */
  saturate(): void {
    this.#patience ??= setTimeout(() => {
      this.#patience = undefined;
      this.#shut("workers");
    }, limits.acceptPatienceMs);
  }

  /** A worker is free again. */
  relieve(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#open("workers");
  }

  /** The kernel gave no descriptor (`why` is EMFILE or the like); the driver has already put that listener to rest. */
  exhaust(why: string): void {
    // One want of descriptors is told once, however often it is looked whether it is over.
    const news = Date.now() - this.#exhaustedAt > 10 * limits.restRetryMs;
    this.#exhaustedAt = Date.now();
    if (news && !this.#causes.has("descriptors"))
      this.#parts.log.warn(
        `accept: ${why}: no descriptor is left; listening goes on when one comes free (ulimit -n raises the number)`,
      );
    this.#shut("descriptors");
    this.#retry ??= setTimeout(() => this.freed(), limits.restRetryMs).unref();
  }

  /** A descriptor has come free, or may have. */
  freed(): void {
    if (!this.#causes.has("descriptors")) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#open("descriptors");
  }

  /** Lets others take over, who listen on the same ports: see {@link Doors.retire}. */
  retire(): boolean {
    return this.#doors.retire();
  }

  /** Ends all waiting and listening. */
  close(): void {
    for (const timer of [this.#patience, this.#retry, this.#refill, this.#tell]) clearTimeout(timer);
    this.#load.stop();
    this.#doors.close();
  }

  #count(): void {
    this.#measure("connections", this.connections);
    this.#measure("handshakes", this.#handshakes);
    this.#bucket?.take();
    if (this.#bucket?.available() === 0) this.#pace(this.#bucket);
    this.#bound();
  }

  /** A batch of accepts takes no more than every bound has left. */
  #bound(): void {
    const { connectionsMax, handshakesMax } = this.#options;
    const left = Math.min(
      this.#bucket?.available() ?? ACCEPTS_MAX,
      connectionsMax > 0 ? connectionsMax - this.connections : ACCEPTS_MAX,
      handshakesMax > 0 ? handshakesMax - this.#handshakes : ACCEPTS_MAX,
      ACCEPTS_MAX,
    );
    this.#parts.poll.accepts(Math.max(0, left));
  }

  /** There are no tokens: nobody is accepted until there are some. */
  #pace(bucket: AcceptBucket): void {
    this.#isPaced = true;
    this.#apply();
    this.#refill ??= setTimeout(() => {
      this.#refill = undefined;
      if (bucket.available() === 0) return this.#pace(bucket);
      this.#isPaced = false;
      this.#bound();
      this.#apply();
    }, bucket.waitMs()).unref();
  }

  #measure(measure: Measure, value: number): void {
    const gate = this.#gates[measure];
    if (!gate.update(value)) return;
    if (gate.isShut) this.#shut(measure);
    else this.#open(measure);
  }

  #shut(cause: AdmissionCause): void {
    this.#causes.add(cause);
    if (this.#shutAt !== undefined) return;
    const now = performance.now();
    this.#shutAt = now;
    this.#shuts++;
    this.#apply();
    const quietMs = 10 * limits.shutTellMs - (now - this.#toldAt);
    this.#tell = setTimeout(() => this.#told(), Math.max(limits.shutTellMs, quietMs)).unref();
  }

  #open(cause: AdmissionCause): void {
    if (!this.#causes.delete(cause) || this.#causes.size > 0 || this.#shutAt === undefined) return;
    const now = performance.now();
    clearTimeout(this.#tell);
    if (this.#toldAt > this.#shutAt)
      this.#parts.log.info(`admission: open again after ${((now - this.#shutAt) / 1000).toFixed(1)} s`);
    this.#shutAt = undefined;
    this.#apply();
  }

  #apply(): void {
    this.#doors.set(this.#causes.size > 0, this.#isPaced);
  }

  /** It has been shut for a while. */
  #told(): void {
    // A want of descriptors was told at once.
    if (this.#causes.size === 1 && this.#causes.has("descriptors")) return;
    this.#toldAt = performance.now();
    this.#parts.log.warn(`admission: nobody is let in: ${this.#reasons().join("; ")}`);
  }

  #reasons(): string[] {
    return [...this.#causes].map((cause) => reasonOf(cause, this.#gates));
  }
}

/** What one batch accepts where nothing bounds it. */
const ACCEPTS_MAX = 0x7fff_ffff;

function gatesOf(options: Required<AdmissionOptions>): Readonly<Record<Measure, Gate>> {
  const { countReopenPercent, loadReopenPercent } = limits;
  return {
    lag: new Gate(options.lagMsMax, loadReopenPercent),
    residentBytes: new Gate(options.residentBytesMax, countReopenPercent),
    outboundBytes: new Gate(options.waitingBytesMax, loadReopenPercent),
    connections: new Gate(options.connectionsMax, countReopenPercent),
    handshakes: new Gate(options.handshakesMax, loadReopenPercent),
  };
}
