import { rmSync } from "node:fs";
import { limits } from "../limits.ts";
import { errnoName, listenFlags, type Netpoll, portPart } from "../netpoll/index.ts";
import { Doorman } from "./doorman.ts";

/**
 * What becomes of clients that come while the server is overloaded. `rest`: they wait in the backlog. `refuse`: after a
 * while of that the ports are closed, so that a balancer goes elsewhere at once. `503`: after that while they are
 * answered 503 with Retry-After.
 */
export type Overload = "rest" | "refuse" | "503";

/** What {@link Doors} needs. */
export interface DoorsParts {
  readonly poll: Netpoll;
  readonly overload: Overload;
  readonly refuseAfterSeconds: number;
  /** Why the doors are shut, for clients to read. */
  readonly reason: () => string;
  readonly error: (line: string) => void;
}

/** What the address of a listener begins with that came with the process. */
const INHERITED = "fd:";

/** Where to listen, as the driver is told: see {@link Netpoll.listen}. */
export interface Place {
  readonly address: string;
  readonly port: number;
  readonly backlog: number;
  readonly flags: number;
  /** See {@link Netpoll.keepAlive}. */
  readonly keepAliveSeconds?: number | undefined;
}

/** A place, and what has become of it. */
interface Door extends Place {
  /** The listener, of the server's poll or the doorman's; undefined while the port is closed. */
  listener: number | undefined;
  isPassed: boolean;
  isOpening: boolean;
  isUnlinked: boolean;
}

/** The listeners: those that accept, that rest, that the doorman has, or whose ports are closed for a while. */
export class Doors {
  /** How often a port was closed for overload. */
  closings = 0;
  readonly #parts: DoorsParts;
  readonly #doors = new Set<Door>();
  #doorman: Doorman | undefined;
  #isShut = false;
  #isOverloaded = false;
  #isRetired = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: DoorsParts) {
    this.#parts = parts;
  }

  /** How many clients were answered 503. */
  get refused(): number {
    return this.#doorman?.refused ?? 0;
  }

  /** Listens; returns the address, "ADDRESS PORT", or `-errno`. */
  async listen(place: Place): Promise<string | number> {
    const { poll, overload, reason } = this.#parts;
    // Not when it is needed: there may be no descriptor for its poll then.
    if (overload === "503") this.#doorman ??= new Doorman(poll.driver, reason);
    const listener = await this.#listen(place);
    if (listener < 0) return listener;
    const local = poll.local(listener);
    // The same port again, also where the kernel has chosen it.
    const port = isPath(place.address) ? place.port : portPart(local);
    const door = { ...place, port, listener, isPassed: false, isOpening: false, isUnlinked: false };
    if (this.#isClosed) {
      poll.close(listener);
      this.#unlink(door);
      return local;
    }
    this.#doors.add(door);
    if (this.#isShut) poll.rest(listener);
    return local;
  }

  async #listen({ address, port, backlog, flags, keepAliveSeconds = 0 }: Place): Promise<number> {
    const { poll } = this.#parts;
    const listener = await poll.listen(address, port, backlog, flags);
    if (listener >= 0 && keepAliveSeconds > 0 && !isPath(address)) poll.keepAlive(listener, keepAliveSeconds);
    return listener;
  }

  /**
   * Nobody is accepted while either is true. Who is not because of an overload is refused after a while; who comes too
   * fast only waits.
   */
  set(isOverloaded: boolean, isPaced: boolean): void {
    if (this.#isClosed) return;
    const wasShut = this.#isShut;
    this.#isShut = isOverloaded || isPaced;
    if (wasShut !== this.#isShut) this.#each((listener) => this.#restOrResume(listener));
    if (isOverloaded === this.#isOverloaded) return;
    this.#isOverloaded = isOverloaded;
    clearTimeout(this.#timer);
    const { overload, refuseAfterSeconds } = this.#parts;
    if (!isOverloaded) this.#welcome();
    else if (overload !== "rest" && !this.#isRetired)
      this.#timer = setTimeout(() => this.#refuse(overload), refuseAfterSeconds * 1000).unref();
  }

  /**
   * Lets others take over: paths of Unix sockets are free from now on (with the portable driver once they are closed),
   * ports that other processes share take no new connection, and what is closed stays so. Returns whether there is such
   * a port, on which handshakes may be under way.
   */
  retire(): boolean {
    this.#isRetired = true;
    clearTimeout(this.#timer);
    let isShared = false;
    for (const door of this.#doors) {
      const { listener, flags } = door;
      this.#unlink(door);
      if (listener === undefined || (flags & listenFlags.REUSE_PORT) === 0) continue;
      if (this.#pollOf(door).deafen(listener) === 0) isShared = true;
    }
    return isShared;
  }

  /** Nobody is listened to any more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const door of this.#doors) {
      if (door.listener !== undefined) this.#pollOf(door).close(door.listener);
      this.#unlink(door);
    }
    this.#doors.clear();
    this.#doorman?.close();
  }

  /** Only once: another server's socket may stand there soon. */
  #unlink(door: Door): void {
    if (!isPath(door.address) || door.isUnlinked) return;
    // Node does so itself when it closes the listener, whosever the path is then: it must stay this one's so long.
    if (this.#parts.poll.driver === "portable") return;
    door.isUnlinked = true;
    try {
      rmSync(door.address, { force: true });
    } catch (error) {
      // A process that gave up its privileges may not: all else ends nevertheless.
      this.#parts.error(`the path of the socket stays: ${error instanceof Error ? error.message : error}`);
    }
  }

  #pollOf({ isPassed }: Door): Netpoll {
    return isPassed && this.#doorman ? this.#doorman.poll : this.#parts.poll;
  }

  #each(verb: (listener: number) => void): void {
    for (const { listener, isPassed } of this.#doors) if (listener !== undefined && !isPassed) verb(listener);
  }

  #restOrResume(listener: number): void {
    if (this.#isShut) this.#parts.poll.rest(listener);
    else this.#parts.poll.resume(listener);
  }

  #refuse(overload: "refuse" | "503"): void {
    const { poll } = this.#parts;
    for (const door of this.#doors) {
      if (door.listener === undefined || door.isPassed) continue;
      if (overload === "refuse") {
        // A listener that somebody else has made cannot be made anew: its clients wait.
        if (door.address.startsWith(INHERITED)) continue;
        poll.close(door.listener);
        door.listener = undefined;
        this.#unlink(door);
        this.closings++;
      } else if (this.#doorman) {
        this.#pass(door, poll, this.#doorman.poll);
        if (door.listener !== undefined) this.#doorman.add(door.listener);
      }
    }
  }

  /** Ends all refusing. */
  #welcome(): void {
    for (const door of this.#doors) {
      if (door.isPassed && this.#doorman && door.listener !== undefined) {
        this.#doorman.remove(door.listener);
        this.#pass(door, this.#doorman.poll, this.#parts.poll);
        if (door.listener !== undefined) this.#restOrResume(door.listener);
      }
      void this.#reopen(door);
    }
  }

  /** A listener that cannot be passed is closed, and listened for anew. */
  #pass(door: Door, from: Netpoll, to: Netpoll): void {
    const passed = from.pass(door.listener as number, to);
    door.isPassed = passed >= 0 && to !== this.#parts.poll;
    if (passed < 0) from.close(door.listener as number);
    door.listener = passed < 0 ? undefined : passed;
  }

  /** Listens anew where the port was closed, again and again until it can. */
  async #reopen(door: Door): Promise<void> {
    if (door.isOpening || door.listener !== undefined || this.#isOverloaded) return;
    if (this.#isRetired || this.#isClosed) return;
    const { poll, error } = this.#parts;
    const { address, port } = door;
    door.isOpening = true;
    const listener = await this.#listen(door);
    door.isOpening = false;
    if (this.#isRetired || this.#isClosed) {
      if (listener < 0) return;
      poll.close(listener);
      door.isUnlinked = false;
      this.#unlink(door);
    } else if (listener >= 0) {
      door.listener = listener;
      door.isUnlinked = false;
      this.#restOrResume(listener);
    } else {
      error(`listen again on ${address} port ${port}: ${errnoName(listener)}; tried again in ${limits.restRetryMs} ms`);
      setTimeout(() => void this.#reopen(door), limits.restRetryMs).unref();
    }
  }
}

function isPath(address: string): boolean {
  return address.includes("/");
}
