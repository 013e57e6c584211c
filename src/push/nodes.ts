import { limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { BusHealth, type BusStatus } from "./bus-health.ts";

/** What {@link Nodes} needs of the other parts. */
export interface NodesParts {
  /** This node among all. */
  readonly uid: string;
  /** Tells all nodes, this one included. */
  readonly tell: (word: NodeWord) => Promise<void>;
  readonly log: Log;
}

/** What nodes say of themselves. */
export type NodeWord =
  /** It is there; `at` is its own clock, in milliseconds. */
  | { readonly op: "alive"; readonly node: string; readonly at: number }
  /** It closes. */
  | { readonly op: "gone"; readonly node: string };

/** Another node. */
interface Other {
  /** Of its words that were due. */
  missed: number;
  /** It has not answered the last question, and said nothing since. */
  isSilent: boolean;
  isWarnedOf: boolean;
}

/**
 * The nodes on a Bus, by what each says every nodeAliveSeconds. One that says nothing any more is forgotten, one that
 * closes says so. Time in which this node stood still does not count against the others.
 */
export class Nodes {
  readonly #parts: NodesParts;
  readonly #health: BusHealth;
  readonly #others = new Map<string, Other>();
  #seconds = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: NodesParts) {
    this.#parts = parts;
    this.#health = new BusHealth(parts.log);
  }

  get uid(): string {
    return this.#parts.uid;
  }

  get bus(): BusStatus {
    const { isAlive, roundTripMs } = this.#health;
    return { isAlive, roundTripMs, nodes: this.#others.size + 1 };
  }

  /** The other nodes whose answer is waited for. */
  awaited(): string[] {
    return [...this.#others].filter(([, { isSilent }]) => !isSilent).map(([uid]) => uid);
  }

  /** Says that this node is there, now and from now on. */
  start(): void {
    if (this.#timer) return;
    this.#timer = setInterval(() => this.tick(), 1000);
    this.#timer.unref();
    this.#sayAlive();
  }

  /** Says that it is gone. */
  stop(): void {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#others.clear();
    this.#say({ op: "gone", node: this.uid });
  }

  /** One second that was served. */
  tick(): void {
    this.#health.tick();
    if (++this.#seconds % limits.nodeAliveSeconds !== 0) return;
    for (const [uid, other] of this.#others) {
      if (++other.missed <= limits.nodeMissesMax) continue;
      this.#others.delete(uid);
      this.#parts.log.warn(`node ${uid} has said nothing for ${limits.nodeMissesMax} times, and is forgotten`);
    }
    this.#sayAlive();
  }

  /** A node, maybe this one, has said something of itself. */
  heard(word: NodeWord): void {
    // Anybody may speak on the Bus: who has no name is no node, and would be waited for.
    if (!this.#timer || typeof word.node !== "string") return;
    if (word.op === "gone") return void this.#others.delete(word.node);
    if (word.node === this.uid) return this.#health.returned(performance.now() - word.at);
    const known = this.#others.get(word.node);
    this.#others.set(word.node, { missed: 0, isSilent: false, isWarnedOf: known?.isWarnedOf ?? false });
    // Who is new knows nobody yet.
    if (!known) this.#sayAlive();
  }

  /** A node has answered. */
  answered(uid: string): void {
    const other = this.#others.get(uid);
    if (other) other.isWarnedOf = other.isSilent = false;
  }

  /** A node has not answered: it is not waited for until it says something. */
  unanswered(uid: string): void {
    const other = this.#others.get(uid);
    if (!other) return;
    other.isSilent = true;
    if (other.isWarnedOf) return;
    other.isWarnedOf = true;
    const late = `node ${uid} has not answered within ${limits.surveyMsMax} ms (surveyMsMax)`;
    this.#parts.log.warn(`${late}: what is told of all nodes is without it`);
  }

  #sayAlive(): void {
    this.#say({ op: "alive", node: this.uid, at: performance.now() });
  }

  /** A Bus that takes nothing shows by what does not come back. */
  #say(word: NodeWord): void {
    this.#parts.tell(word).catch(() => {});
  }
}
