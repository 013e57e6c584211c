import type { Registry } from "prom-client";
import type { ListenOptions } from "../../options.ts";
import type { ListeningAddress, Server } from "../../server.ts";
import type { BusStatus } from "../bus-health.ts";
import type { CommandParts } from "../command.ts";
import { Loopbacks } from "../loopbacks.ts";
import type { PushOptions } from "../push-options.ts";
import { PushCounts } from "./counts.ts";
import { type VitalsDoor, vitalsDoor } from "./door.ts";
import { type Health, HealthCheck } from "./health.ts";
import { OwnAddress } from "./own-address.ts";
import { watchProcess } from "./process-stats.ts";
import type { MetricJson } from "./registry.ts";
import type { MetricsSource } from "./source.ts";

/** Says in a few words why nobody new is to be sent to this process; undefined when it is ready. */
export type Unready = () => string | undefined;

/** What {@link Vitals} needs of the server; each function is called when somebody asks, and not before. */
export interface VitalsParts {
  readonly options: Pick<PushOptions, "metrics" | "health" | "healthSecondsMax">;
  readonly version: string;
  readonly server: () => Pick<Server, "stats" | "connections" | "listen">;
  readonly session: () => Pick<CommandParts, "clients" | "hub" | "identities" | "broker">;
  readonly fanouts: () => number;
  readonly bus: () => BusStatus;
  readonly warn: (line: string) => void;
}

/** How a server is: for operators, and for whoever decides whether it gets clients. It only counts until one asks. */
export class Vitals {
  readonly counts = new PushCounts();
  /** The connections of the server to itself. */
  readonly loopbacks = new Loopbacks();
  /** All that may speak against sending clients here; others may be added. */
  readonly reasons: Unready[] = [];
  /** Answers what operators may ask for on the port of the clients; says whether it did. */
  readonly door: ReturnType<typeof vitalsDoor>;
  readonly #parts: VitalsParts;
  readonly #address: OwnAddress;
  readonly #health: HealthCheck;
  #registry: Promise<Registry> | undefined;

  constructor(parts: VitalsParts) {
    this.#parts = parts;
    const { options, server, session, warn } = parts;
    this.#address = new OwnAddress((where) => server().listen(where));
    this.#health = new HealthCheck({
      loopbacks: this.loopbacks,
      address: () => this.#address.get(),
      subscribe: (fd, channel) => {
        session().broker.subscribe(channel);
        session().hub.subscribe(fd, channel);
      },
      publish: (channel, data) => session().broker.publish(channel, data),
      warn,
      secondsMax: options.healthSecondsMax,
    });
    this.reasons.push(
      () => server().stats.admission.reasons.join("; ") || undefined,
      () => (parts.bus().isAlive ? undefined : "the Bus delivers nothing"),
    );
    const { metrics, health, unready } = this.answers;
    this.door = vitalsDoor({
      ...(options.metrics && { metrics: options.metrics === true ? metrics : options.metrics }),
      ...(options.health && { health, unready }),
    });
  }

  /** What may be asked of this process: for a port of the operators' own. */
  get answers(): Required<VitalsDoor> {
    return { metrics: () => this.metrics(), health: () => this.health(), unready: () => this.unready() };
  }

  /** The metrics of this process in the text form of Prometheus. */
  async metrics(): Promise<string> {
    return await (await this.#metrics()).metrics();
  }

  /** The same as JSON, to be put together with those of other processes. */
  async metricsJson(): Promise<readonly MetricJson[]> {
    return (await (await this.#metrics()).getMetricsAsJSON()) as unknown as readonly MetricJson[];
  }

  /** Whether notifications arrive: see {@link HealthCheck}. */
  health(): Promise<Health> {
    return this.#health.check();
  }
  /** How many health checks were made. */
  get checks(): number {
    return this.#health.checks;
  }

  /** Why nobody new is to be sent here; none of it when all is well. */
  async unready(): Promise<readonly string[]> {
    return this.reasons.flatMap((reason) => reason() ?? []);
  }

  /** The server listens there. */
  listens(at: ListeningAddress, how: ListenOptions): void {
    this.#address.listens(at, how);
    // The event loop is watched from now on, so that the first scrape knows of it.
    if (this.#parts.options.metrics) void this.#metrics();
  }

  /** What has happened until now was not the clients': all counts are 0 again. */
  clear(): void {
    this.counts.clear();
    this.#parts.server().stats.counts.clear();
  }

  /** Removes what health checks have made, after the server has ended. */
  async close(): Promise<void> {
    await this.#address.close();
  }

  /** Loaded when it is asked for: a server that is not scraped does without it. */
  #metrics(): Promise<Registry> {
    this.#registry ??= import("./registry.ts").then(({ makeRegistry }) => makeRegistry(this.#source()));
    return this.#registry;
  }

  #source(): MetricsSource {
    const { version, server, session, fanouts, bus } = this.#parts;
    return {
      version,
      server: () => server().stats,
      connections: () => server().connections,
      node: () => {
        const { clients, hub, identities } = session();
        const { channels, subscriptions } = hub;
        return { clients: clients.connected, users: identities.users, channels, subscriptions };
      },
      counts: () => this.counts,
      fanouts,
      process: watchProcess(),
      bus,
    };
  }
}
