import { limits } from "../limits.ts";
import { type Hub, subscriptionFlags } from "./hub.ts";
import { type Disconnect, disconnects, unsubscribes } from "./protocol.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What {@link Gaps} needs of the other parts. */
export interface GapsParts {
  readonly hub: Hub;
  readonly subscriptions: Subscriptions;
  readonly disconnect: (fd: number, how: Disconnect) => void;
}

const NONE = -1;

/**
 * Publications that did not come. Where one is missing, every subscriber that counts on its position is told so, and
 * comes back for what it missed: nobody goes on with a gap that it does not know of.
 */
export class Gaps {
  readonly #parts: GapsParts;

  constructor(parts: GapsParts) {
    this.#parts = parts;
  }

  /** In one channel something is missing. */
  channel(name: string): void {
    const { hub } = this.#parts;
    const number = hub.channel(name);
    if (number === NONE) return;
    hub.setPosition(number, 0);
    const counting: number[] = [];
    for (let s = hub.first(number); s !== NONE; s = hub.next(s)) {
      if ((hub.flagsOf(s) & subscriptionFlags.POSITIONED) !== 0) counting.push(hub.descriptor(s));
    }
    for (const fd of counting) this.#tell(fd, name);
  }

  /** It cannot be known in which channels: all are told, in slices, with the event loop in between. */
  everywhere(): void {
    const names = [...this.#parts.hub.names()];
    const slice = () => {
      for (let told = 0; told < limits.fanoutSliceSends; ) {
        const next = names.pop();
        if (!next) return;
        this.channel(next[0]);
        told += next[1];
      }
      setImmediate(slice);
    };
    slice();
  }

  /** A subscription that the server made is not the client's to make again: it comes back as a whole. */
  #tell(fd: number, name: string): void {
    const { hub, subscriptions, disconnect } = this.#parts;
    const cursor = hub.find(fd, name);
    if (cursor === NONE) return;
    if ((hub.flagsOf(cursor) & subscriptionFlags.SERVER) !== 0) disconnect(fd, disconnects.INSUFFICIENT_STATE);
    else subscriptions.end(fd, name, unsubscribes.INSUFFICIENT_STATE);
  }
}
