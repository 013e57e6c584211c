import { type Columns, phases } from "./columns.ts";

/** Descriptors that lie next to each other are visited together: 64 of them fill a cache line of each column. */
const BLOCK = 6;
/** Parts into which one sweep is cut, a tick for each, so that its work and its pings are spread out. */
const SLICES = 32;
const AGE_MAX = 255;
const SWEEP_MS_MAX = 4000;

/** Deadlines in sweeps: a connection whose age reaches the number is due. */
export interface Ages {
  readonly head: number;
  readonly ping: number;
  readonly dead: number;
  readonly close: number;
}

/** Deadlines as the server is given them; {@link Ages} are the same in sweeps. */
export interface HeartbeatOptions {
  readonly headSecondsMax: number;
  readonly heartbeatSeconds: number;
  readonly pongSecondsMax: number;
  readonly closeSecondsMax: number;
}

/**
 * Deadlines without timers and without clocks for each connection: a sweep goes over the columns in slices and counts
 * each connection's age up by one; a byte that comes sets it to 0. The unit is a sweep that was really made: while the
 * event loop stalls, the process is stopped or the machine sleeps, no tick is served, nobody ages, and nobody is cut
 * for it.
 */
export class Heartbeat {
  readonly ages: Ages;
  /** Milliseconds from one visit of a connection to the next. */
  readonly sweepMs: number;
  readonly #columns: Columns;
  readonly #visit: (fd: number, phase: number, age: number) => void;
  readonly #served: () => boolean;
  /** The next slice: of a sweep over all, and of one over those whose time counts always. */
  readonly #slices = [0, 0];
  #timer: NodeJS.Timeout | undefined;

  /** `visit` is called for each connection that is one sweep older; `served` says whether time counts now. */
  constructor(
    columns: Columns,
    options: HeartbeatOptions,
    served: () => boolean,
    visit: (fd: number, phase: number, age: number) => void,
  ) {
    this.#columns = columns;
    this.#served = served;
    this.#visit = visit;
    const { headSecondsMax, heartbeatSeconds, pongSecondsMax, closeSecondsMax } = options;
    const shortest = Math.min(headSecondsMax, heartbeatSeconds, pongSecondsMax, closeSecondsMax) * 1000;
    const longest = Math.max(heartbeatSeconds + pongSecondsMax, headSecondsMax, closeSecondsMax) * 1000;
    this.sweepMs = Math.max(Math.min(shortest / 2, SWEEP_MS_MAX), longest / (AGE_MAX - 3));
    // A connection of age n has waited for more than n - 1 sweeps and at most n.
    const sweeps = (seconds: number) => Math.ceil((seconds * 1000) / this.sweepMs) + 1;
    const ping = Math.max(1, Math.floor((heartbeatSeconds * 1000) / this.sweepMs));
    this.ages = {
      head: sweeps(headSecondsMax),
      ping,
      dead: ping + sweeps(pongSecondsMax),
      close: sweeps(closeSecondsMax),
    };
  }

  start(): void {
    this.#timer ??= setInterval(() => this.tick(), this.sweepMs / SLICES);
  }
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Visits the next slice. */
  tick(): void {
    const served = this.#served();
    const { phase, age, high } = this.#columns;
    const step = SLICES << BLOCK;
    const cursor = served ? 0 : 1;
    for (let block = (this.#slices[cursor] as number) << BLOCK; block < high; block += step) {
      const end = Math.min(block + (1 << BLOCK), high);
      for (let fd = block; fd < end; fd++) {
        const now = phase[fd] as number;
        if (now === phases.FREE || (!served && isPeersTime(now))) continue;
        const older = Math.min((age[fd] as number) + 1, AGE_MAX);
        age[fd] = older;
        this.#visit(fd, now, older);
      }
    }
    this.#slices[cursor] = ((this.#slices[cursor] as number) + 1) % SLICES;
  }
}

/** Whether it is the peer who is waited for, with bytes that would have to be read. */
function isPeersTime(phase: number): boolean {
  return phase === phases.HEAD || phase === phases.OPEN;
}
