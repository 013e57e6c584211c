import type { Broker } from "../../src/bus/index.ts";
import { channelOf } from "./address.ts";
import { type Log, reasonOf } from "./log.ts";
import type { MailEvent } from "./wire.ts";

/** A change of a mailbox that the Bus is to be told. */
export interface Announcement {
  readonly mailbox: string;
  readonly event: MailEvent;
}

/**
 * The Storage's way to the Bus. What is announced is stored already, so a failing Bus loses nothing: it is logged, and
 * pages see the change when they load the list again.
 */
export class Announcer {
  readonly #broker: Pick<Broker, "publish">;
  readonly #log: Log;
  readonly #underWay = new Set<Promise<void>>();

  constructor(broker: Pick<Broker, "publish">, log: Log) {
    this.#broker = broker;
    this.#log = log;
  }

  /** Hands the announcements to the Bus in their order, and does not wait for it. */
  announce(announcements: readonly Announcement[]): void {
    const job = this.#publishAll(announcements).finally(() => this.#underWay.delete(job));
    this.#underWay.add(job);
  }

  /** Resolves when the Bus has taken or refused all that was announced. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #publishAll(announcements: readonly Announcement[]): Promise<void> {
    const results = await Promise.allSettled(announcements.map((announcement) => this.#publish(announcement)));
    const failed = results.filter((result) => result.status === "rejected");
    if (!failed[0]) return;
    const reason = reasonOf(failed[0].reason);
    this.#log.error(
      `The Bus did not take ${failed.length} of ${results.length} announcements (stored anyway): ${reason}`,
    );
  }

  async #publish({ mailbox, event }: Announcement): Promise<void> {
    await this.#broker.publish(channelOf(mailbox), JSON.stringify(event));
  }
}
