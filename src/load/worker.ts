import { compileText } from "../ws/index.ts";
import { Arrivals } from "./arrivals.ts";
import { nowUs } from "./clock.ts";
import { Echoes } from "./echoes.ts";
import { Pace } from "./pace.ts";
import type { Share } from "./plan.ts";
import { ProtocolClient } from "./protocol-client.ts";
import { eachStamp } from "./stamp.ts";
import { MASK_KEY, Swarm } from "./swarm.ts";
import { Tally } from "./tally.ts";

/** How often is looked for what is due. */
const TICK_MS = 1;

/** The connections of one process: opens them, and does with them what the scenario says. */
export class Worker {
  readonly tally = new Tally();
  readonly #share: Share;
  readonly #swarm: Swarm;
  readonly #arrivals: Arrivals;
  readonly #protocol: ProtocolClient | undefined;
  readonly #frame: Uint8Array;
  /** Those that are open and have not joined yet. */
  readonly #joining = new Set<number>();
  /** When those that are not ready yet began. */
  readonly #begun = new Map<number, number>();
  /** The ready ones, in the order in which they came: only where the scenario asks for it. */
  readonly #ready: number[] = [];
  #number: number;
  #echoes: Echoes | undefined;
  #churn: Pace | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #arrived: () => void;
  #hasArrived = false;

  /** `arrived` is called once all connections are ready, or have failed. */
  constructor(share: Share, arrived: () => void) {
    this.#share = share;
    this.#arrived = arrived;
    this.#number = share.first;
    this.#protocol = share.channels.length === 0 ? undefined : new ProtocolClient(share.channels, share.token);
    this.#frame = compileText("x".repeat(share.bytes), { key: MASK_KEY });
    this.#swarm = new Swarm({
      target: share.target,
      sources: share.sources,
      driver: share.driver,
      opened: (fd) => this.#opened(fd),
      message: (fd, bytes, from, to) => this.#message(fd, bytes, from, to),
      closed: (fd, why) => this.#closed(fd, why),
      failed: (fd, why) => this.#failed(fd, why),
    });
    this.#arrivals = new Arrivals(
      share,
      () => this.#swarm.opening + this.#joining.size,
      () => this.#begin(nowUs()),
    );
  }

  /** Begins to open the connections. */
  open(): void {
    this.#watch();
  }

  /** All processes are ready: what the scenario does begins. */
  start(): void {
    const { scenario, busy, rate } = this.#share;
    const some = this.#ready.slice(0, busy);
    if (scenario === "slow") for (const fd of some) this.#swarm.deafen(fd);
    if (scenario === "churn") this.#churn = new Pace(rate);
    if (scenario === "churn") this.#watch();
    if (scenario !== "echo") return;
    const parts = {
      rate,
      send: (fd: number) => this.#swarm.send(fd, this.#frame),
      isOpen: (fd: number) => this.#swarm.isOpen(fd),
      answered: (us: number) => this.tally.latencies.record(us),
    };
    this.#echoes = new Echoes(parts, some);
    this.#swarm.batch(() => this.#echoes?.go());
    if (rate > 0) this.#watch();
  }

  /** Looks for what is due, as long as there may be something: many idle processes must not wake up for nothing. */
  #watch(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  /** Ends all connections. */
  end(): void {
    clearInterval(this.#timer);
    this.#echoes?.stop();
    this.#swarm.destroy();
  }

  #tick(): void {
    this.#swarm.batch(() => {
      this.#arrivals.go();
      this.#echoes?.go();
      while (this.#churn?.isDue()) this.#replace(this.#churn.take());
    });
    if (this.#arrivals.left > 0 || this.#churn || (this.#echoes && this.#share.rate > 0)) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #begin(us: number): void {
    const fd = this.#swarm.connect();
    if (fd >= 0) this.#begun.set(fd, us);
  }

  #opened(fd: number): void {
    if (!this.#protocol) return this.#isReady(fd);
    this.#joining.add(fd);
    const { connections, first } = this.#share;
    this.#swarm.send(fd, this.#protocol.join(first + ((this.#number++ - first) % connections)));
  }

  #isReady(fd: number): void {
    const { tally } = this;
    (this.#churn ? tally.latencies : tally.openings).record(nowUs() - (this.#begun.get(fd) as number));
    this.#begun.delete(fd);
    tally.opened++;
    tally.connections++;
    if (this.#share.scenario === "churn" || this.#ready.length < this.#share.busy) this.#ready.push(fd);
    this.#settled();
  }

  #failed(fd: number, why: string): void {
    this.#begun.delete(fd);
    this.tally.failed++;
    this.tally.error(why);
    this.#settled();
  }

  /** One is ready, or will never be. */
  #settled(): void {
    const { opened, failed } = this.tally;
    if (this.#hasArrived || opened + failed < this.#share.connections) return;
    this.#hasArrived = true;
    this.#arrived();
  }

  #closed(fd: number, why: string): void {
    if (this.#joining.delete(fd)) return this.#failed(fd, why);
    this.tally.connections--;
    this.tally.lost++;
    this.tally.error(why);
  }

  #message(fd: number, bytes: Buffer, from: number, to: number): void {
    if (this.#joining.has(fd)) return this.#answered(fd, bytes.toString("utf8", from, to));
    const { tally } = this;
    const pong = this.#protocol?.pong(bytes, from, to);
    if (pong) return this.#swarm.send(fd, pong);
    if (this.#echoes?.received(fd)) {
      tally.received++;
      return;
    }
    const now = nowUs();
    const stamps = eachStamp(bytes, from, to, (us) => tally.latencies.record(now - us));
    tally.received += Math.max(1, stamps);
  }

  #answered(fd: number, text: string): void {
    const state = (this.#protocol as ProtocolClient).answered(text);
    if (state === "joining") return;
    this.#joining.delete(fd);
    if (state === "joined") return this.#isReady(fd);
    this.#swarm.close(fd);
    this.#failed(fd, state.refused);
  }

  /** Lets the oldest go, and opens another, whose time counts from when it was due. */
  #replace(dueUs: number): void {
    const fd = this.#ready.shift();
    if (fd === undefined) return;
    if (this.#swarm.isOpen(fd)) {
      this.tally.connections--;
      this.#swarm.close(fd);
    }
    this.#begin(dueUs);
  }
}
