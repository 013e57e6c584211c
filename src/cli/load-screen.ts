import type { LoadEvent, Percentiles, Summary } from "../load/index.ts";

const CLEAR = "\r\x1b[K";

/** What a person sees of a load: a line that is written anew each second, and at the end what it came to. */
export class LoadScreen {
  readonly #to: NodeJS.WriteStream;

  constructor(to: NodeJS.WriteStream) {
    this.#to = to;
  }

  show(event: LoadEvent): void {
    switch (event.event) {
      case "opening":
        return this.#line(
          `opening: ${count(event.connections)} open after ${event.seconds.toFixed(0)} s${faults(event)}`,
        );
      case "open": {
        const { connections, failed, seconds, perSecond, openingMs } = event;
        const some = failed > 0 ? `, ${count(failed)} failed` : "";
        const times = openingMs ? `; ${percentiles(openingMs)}` : "";
        return this.#keep(
          `${count(connections)} open${some}, in ${seconds.toFixed(1)} s: ${count(perSecond)} a second${times}`,
        );
      }
      case "progress": {
        const { seconds, connections, perSecond, latencyMs } = event;
        const times = latencyMs ? `, ${percentiles(latencyMs)}` : "";
        return this.#line(
          `${seconds.toFixed(0)} s: ${count(connections)} connections, ${count(perSecond)} messages/s${times}${faults(event)}`,
        );
      }
      case "summary":
        return this.#summary(event);
    }
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#to.isTTY) this.#to.write(CLEAR);
  }

  #summary({
    opened,
    connections,
    lost,
    processes,
    seconds,
    published,
    messages,
    perSecond,
    latencyMs,
    errors,
    limitedBy,
  }: Summary): void {
    const rows: [string, string][] = [
      ["connections at the end", `${count(connections)}${lost > 0 ? `, ${count(lost)} lost on the way` : ""}`],
      ["processes", count(processes)],
      ["time", `${seconds.toFixed(1)} s`],
    ];
    if (opened > connections + lost) rows.push(["opened in all", count(opened)]);
    if (published > 0) rows.push(["publications", count(published)]);
    if (messages > 0) rows.push(["messages received", `${count(messages)}, ${count(perSecond)} a second`]);
    if (latencyMs) rows.push(["delay", percentiles(latencyMs)]);
    for (const [kind, number] of Object.entries(errors)) rows.push([kind, count(number)]);
    rows.push(["limited by", limitedBy]);
    const width = Math.max(...rows.map(([name]) => name.length));
    this.#keep(rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n"));
  }

  /** A line that the next one replaces, where somebody looks on; otherwise each is kept. */
  #line(text: string): void {
    this.#to.write(this.#to.isTTY ? `${CLEAR}${text.slice(0, this.#to.columns - 1)}` : `${text}\n`);
  }
  #keep(text: string): void {
    this.#to.write(`${this.#to.isTTY ? CLEAR : ""}${text}\n`);
  }
}

function percentiles({ p50, p90, p99, p999, max }: Percentiles): string {
  return `p50 ${ms(p50)}, p90 ${ms(p90)}, p99 ${ms(p99)}, p99.9 ${ms(p999)}, max ${ms(max)} ms`;
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function faults({ failed, errors }: { failed: number; errors: Readonly<Record<string, number>> }): string {
  const kinds = Object.entries(errors).map(([kind, number]) => `${kind}: ${count(number)}`);
  return failed > 0 || kinds.length > 0 ? `; ${kinds.join(", ")}` : "";
}
