import type { BrokerListener, ChannelEvent, Publication } from "../src/bus/index.ts";

/** Remembers all that a broker delivers. */
export class Recorder implements BrokerListener {
  readonly publications: Publication[] = [];
  readonly events: ChannelEvent[] = [];
  readonly controls: string[] = [];
  misses = 0;
  #wake = () => {};

  publication(publication: Publication): void {
    this.publications.push(publication);
    this.#wake();
  }
  event(event: ChannelEvent): void {
    this.events.push(event);
    this.#wake();
  }
  control(message: string): void {
    this.controls.push(message);
    this.#wake();
  }
  missed(): void {
    this.misses++;
    this.#wake();
  }

  /** What came in a channel. */
  data(channel: string): string[] {
    return this.publications.filter((one) => one.channel === channel).map(({ data }) => data);
  }

  /** Waits until it holds; it is looked at whenever something is delivered. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
