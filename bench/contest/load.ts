import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { LOAD_CORE, startChild } from "./children.ts";
import type { Contestant, Service } from "./contestants.ts";

/** What clients are to do: options of `belfry load`. */
export interface LoadOrder {
  readonly scenario: "idle" | "echo" | "subscribe";
  readonly connections: number;
  /** Default: until it is ended. */
  readonly seconds?: number;
  readonly busy?: number;
  /** Messages a second in all; without it each sends as soon as it was answered. */
  readonly rate?: number;
  readonly size?: number;
  readonly channel?: string;
}

/** All connections are there. */
export interface Opened {
  readonly event: "open";
  readonly connections: number;
  readonly failed: number;
  readonly perSecond: number;
}

/** How far it is, each second. */
export interface Progress {
  readonly event: "progress";
  readonly received: number;
}

/** What came of it. */
export interface Summary {
  readonly event: "summary";
  readonly messages: number;
  readonly perSecond: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly p999: number };
  readonly errors: Readonly<Record<string, number>>;
}

type Line = Opened | Progress | Summary;

const BELFRY = fileURLToPath(new URL("../../../bin/belfry.js", import.meta.url));
const SOCKET_IO = fileURLToPath(new URL("./socket-io-load.js", import.meta.url));
/** Ports are enough for some 28,000 connections from one address. */
const ADDRESSES = 60;
const NETWORKS = 250;
/** A publication that is not there by then is lost. */
const RECEIVE_MS_MAX = 30_000;

let loads = 0;

/** Clients in a process of their own: `belfry load`, and for the dialect of Socket.IO one that speaks as it does. */
export class Load {
  readonly #child: ChildProcess;
  readonly #lines: Line[] = [];
  #isOver = false;
  #wake = () => {};

  constructor(contestant: Contestant, { path }: Service, port: number, order: LoadOrder) {
    const { seconds = 0, ...rest } = order;
    const options = Object.entries({ ...rest, seconds }).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    const own = contestant.dialect ? [SOCKET_IO] : [BELFRY, "load"];
    const url = `ws://127.0.0.1:${port}${path}`;
    const more = contestant.dialect ? [] : ["--processes", "1", "--json"];
    this.#child = startChild(LOAD_CORE, [
      process.execPath,
      ...own,
      url,
      ...options,
      "--from",
      nextAddresses(),
      ...more,
    ]);
    this.#child.once("error", () => this.#over());
    this.#child.once("close", () => this.#over());
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      this.#lines.push(JSON.parse(line) as Line);
      this.#wake();
    });
  }

  /** Waits until all are connected, and have subscribed; rejects when some could not. */
  async opened(): Promise<Opened> {
    const opened = await this.#first((line): line is Opened => line.event === "open");
    if (opened.failed > 0) throw new Error(`${opened.failed} connections failed`);
    return opened;
  }

  /** Waits for its end, or ends it, and gives what came of it; rejects when there were errors. */
  async summary(end = false): Promise<Summary> {
    if (end) this.#child.kill("SIGTERM");
    const summary = await this.#first((line): line is Summary => line.event === "summary");
    while (!this.#isOver) await this.#next();
    const errors = Object.entries(summary.errors).filter(([, count]) => count > 0);
    if (errors.length > 0) throw new Error(`errors of the load: ${JSON.stringify(Object.fromEntries(errors))}`);
    return summary;
  }

  /** Messages that all have received so far. */
  async received(): Promise<number> {
    const from = this.#lines.length;
    return (await this.#first((line): line is Progress => line.event === "progress", from)).received;
  }

  /** Waits until they have received so many in all. */
  async hasReceived(count: number): Promise<void> {
    const timeout = AbortSignal.timeout(RECEIVE_MS_MAX);
    let received = await this.received();
    for (; received < count && !timeout.aborted; received = await this.received());
    if (received < count) throw new Error(`${count - received} messages have not come`);
  }

  /** The first line of a kind, from one on. */
  async #first<Kind extends Line>(is: (line: Line) => line is Kind, from = 0): Promise<Kind> {
    for (;;) {
      const line = this.#lines.slice(from).find(is);
      if (line) return line;
      if (this.#isOver) throw new Error(`the load ended with ${this.#child.exitCode ?? this.#child.signalCode}`);
      await this.#next();
    }
  }

  async #next(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #over(): void {
    this.#isOver = true;
    this.#wake();
  }
}

/** Each load has its own: the ports of the one before are taken for another minute (TIME_WAIT). */
function nextAddresses(): string {
  loads++;
  const network = `127.0.${1 + (loads % NETWORKS)}`;
  return `${network}.1-${network}.${ADDRESSES}`;
}

/** After the end of a load or a start, until what it left behind is done with. */
export async function settle(): Promise<void> {
  await pause(1000);
}
