import type { DriverChoice } from "../netpoll/index.ts";
import type { Target } from "./target.ts";

/** What connections do. */
export const scenarios = {
  idle: "holds them open, and answers pings",
  echo: "sends messages, and waits for each to come back",
  subscribe: "connects and subscribes through Centrifugo's client protocol",
  publish: "the same, and publishes to their channels",
  churn: "lets the oldest go, and opens others",
  slow: "as publish, and the first --busy of them stop reading",
} as const;
/** The name of one of {@link scenarios}. */
export type Scenario = keyof typeof scenarios;

/** What is asked for; counts and rates are of all processes together. */
export interface Plan {
  readonly target: Target;
  readonly connections: number;
  readonly scenario: Scenario;
  /** Of echo: messages a second, 0 for as many as come back; of churn: connections replaced a second. */
  readonly rate: number;
  /** Of echo: how many of the connections send; of slow: how many stop reading. */
  readonly busy: number;
  /** Connections begun a second; 0 for as fast as they are answered. */
  readonly arrivals: number;
  /** Of each process: connections that are being opened at once. */
  readonly opening: number;
  /** Bytes of a message. */
  readonly bytes: number;
  /** What each subscribes to, where `%d` is its number; none: it does not speak the protocol. */
  readonly channels: readonly string[];
  /** Of the connect command; "" for none. */
  readonly token: string;
  readonly sources: readonly string[];
  readonly driver: DriverChoice;
}

/** The part of a plan that one process has. */
export interface Share extends Plan {
  /** The number of its first connection. */
  readonly first: number;
}

/** Cuts a plan into as many shares; what cannot be cut evenly goes to the first ones. */
export function shares(plan: Plan, processes: number): Share[] {
  const part = (whole: number, i: number) => Math.floor(whole / processes) + (i < whole % processes ? 1 : 0);
  let first = 0;
  return Array.from({ length: processes }, (_, i) => {
    const connections = part(plan.connections, i);
    const share = {
      ...plan,
      first,
      connections,
      busy: part(plan.busy, i),
      rate: (plan.rate * connections) / plan.connections,
      arrivals: (plan.arrivals * connections) / plan.connections,
      sources: sourcesOf(plan.sources, i, processes),
    };
    first += connections;
    return share;
  });
}

/** Its own addresses where there are enough, so that no two processes try the same port. */
function sourcesOf(sources: readonly string[], i: number, processes: number): readonly string[] {
  return sources.length < processes ? sources : sources.filter((_, at) => at % processes === i);
}
