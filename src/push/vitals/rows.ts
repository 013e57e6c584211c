import { admissionCauses } from "../../server.ts";
import { codeLabels } from "./codes.ts";
import type { BusCounts } from "./counts.ts";
import type { Durations } from "./durations.ts";
import type { MetricsSource } from "./source.ts";

/** A value with those of its labels, in the order of the row's. */
export type Sample = readonly [labels: readonly string[], value: number];

/** What every metric has. */
export interface MetricHead {
  /** Without the prefix. */
  readonly name: string;
  readonly labels: readonly string[];
  readonly help: string;
  /** What the values of several processes make together. */
  readonly together: "sum" | "max" | "min" | "first";
}

/** One metric: where its values are, and what they mean. */
export type MetricRow = MetricHead &
  (
    | { readonly type: "counter" | "gauge"; readonly samples: (source: MetricsSource) => Iterable<Sample> }
    | { readonly type: "histogram"; readonly durations: (source: MetricsSource) => Durations }
  );

/** What all names begin with. */
export const PREFIX = "belfry_";

type Read = (source: MetricsSource) => number | Iterable<Sample>;

function row(type: "counter" | "gauge", labels: readonly string[], together: MetricHead["together"]) {
  return (name: string, help: string, read: Read): MetricRow => ({
    name,
    type,
    labels,
    help,
    together,
    samples: (source) => {
      const value = read(source);
      return typeof value === "number" ? [[[], value]] : value;
    },
  });
}

function histogram(name: string, help: string, durations: (source: MetricsSource) => Durations): MetricRow {
  return { name, type: "histogram", labels: ["method"], help, together: "sum", durations };
}

const counter = row("counter", [], "sum");
const gauge = row("gauge", [], "sum");
const counterBy = (...labels: readonly string[]) => row("counter", labels, "sum");
const gaugeBy = (together: MetricHead["together"], ...labels: readonly string[]) => row("gauge", labels, together);

const node: readonly MetricRow[] = [
  gaugeBy("first", "version")("node_build", "1, with the version as a label", ({ version }) => [[[version], 1]]),
  gauge("node_num_clients", "Clients that are connected", ({ node }) => node().clients),
  gauge("node_num_users", "Different users of theirs; one with clients of two processes counts twice", ({ node }) => {
    return node().users;
  }),
  gauge("node_num_channels", "Channels with subscribers; one with some in two processes counts twice", ({ node }) => {
    return node().channels;
  }),
  gauge("node_num_subscriptions", "Subscriptions", ({ node }) => node().subscriptions),
  counterBy("type")("node_messages_sent_count", "Messages that were handed to the Bus", ({ counts }) => {
    return byType(counts().toBus);
  }),
  counterBy("type")("node_messages_received_count", "Messages that came from the Bus", ({ counts }) => {
    return byType(counts().fromBus);
  }),
];

const client: readonly MetricRow[] = [
  counterBy("transport")("client_connections_accepted", "Clients that came, before they connect", ({ counts }) => {
    return Object.entries(counts().clients).map(([transport, count]) => [[transport], count]);
  }),
  counter("client_subscriptions_accepted", "Subscriptions that were made", ({ counts }) => counts().subscriptions),
  counterBy("recovered")("client_recover", "Subscriptions that were to recover what they missed", ({ counts }) => [
    [["yes"], counts().recovered],
    [["no"], counts().unrecovered],
  ]),
  counterBy("code")("client_num_server_disconnects", "Clients that the server has disconnected", ({ counts }) => {
    return counts().disconnects.entries();
  }),
  counterBy("code")("client_num_server_unsubscribes", "Subscriptions that the server has ended", ({ counts }) => {
    return counts().unsubscribes.entries();
  }),
  counterBy("method", "code")("client_num_reply_errors", "Commands that were answered with an error", ({ counts }) => {
    return counts().errors.entries();
  }),
  histogram("client_command_duration_seconds", "From a command to its reply", ({ counts }) => counts().commands),
];

const transport: readonly MetricRow[] = (
  [
    ["messages_sent", "Messages to clients", "messagesSent"],
    ["messages_sent_size", "Their bytes, before compression and without frames", "bytesSent"],
    ["messages_received", "Messages of clients", "messagesReceived"],
    ["messages_received_size", "Their bytes, after decompression and without frames", "bytesReceived"],
  ] as const
).map(([name, help, field]) =>
  counterBy("transport")(`transport_${name}`, help, ({ server, counts }) => [
    [["websocket"], server().counts[field]],
    [["stream"], counts().streams[field]],
  ]),
);

const api: readonly MetricRow[] = [
  histogram("api_command_duration_seconds", "Calls of the HTTP API, those of a batch one by one", ({ counts }) => {
    return counts().apiCommands;
  }),
  counterBy("method", "code")("api_command_errors_total", "Calls that were answered with an error", ({ counts }) => {
    return counts().apiErrors.entries();
  }),
];

const connections: readonly MetricRow[] = [
  gauge("connections", "Descriptors held: WebSockets, handshakes, and ends that linger", (source) => {
    return source.connections();
  }),
  counter("connections_accepted_total", "Connections that the kernel gave", ({ server }) => server().counts.accepted),
  counterBy("status")("handshakes_refused_total", "Upgrades that were refused, by HTTP status", ({ server }) =>
    Array.from(server().counts.refusals, ([status, count]) => [[`${status}`], count]),
  ),
  counterBy("code", "side")("connection_close_total", "WebSockets that ended, and who ended them", closes),
  gauge("outbound_bytes", "Bytes that wait for clients that do not read", ({ server }) => server().outbound.bytes),
  gauge("outbound_connections", "Connections that they wait for", ({ server }) => server().outbound.connections),
  counterBy("limit")(
    "slow_readers_total",
    "Clients that were given up, and the limit that was passed",
    ({ server }) => [
      [["outboxBytesMax"], server().outbound.slow],
      [["outboundBytesMax"], server().outbound.shed],
    ],
  ),
  gauge("fanouts_in_progress", "Publications on their way to many subscribers", ({ fanouts }) => fanouts()),
  gauge("worker_pool_busy", "Handlers that are under way", ({ server }) => server().pool.busy),
  gauge("worker_pool_size", "Handlers that may be under way at once (workersMax)", ({ server }) => server().pool.size),
  counter("worker_pool_saturated_seconds_total", "Time in which no more could begin", ({ server }) => {
    return server().pool.saturatedSeconds;
  }),
  gaugeBy("sum", "reason")("admission_resting", "1 while nobody is let in, for this reason", ({ server }) => {
    const { causes } = server().admission;
    return admissionCauses.map((cause): Sample => [[cause], Number(causes.includes(cause))]);
  }),
  counterBy("by")("admission_refused_total", "Clients that were answered 503 or 429, or cut", ({ server }) => [
    [["overload"], server().admission.refusedOverload],
    [["address"], server().admission.refusedAddress],
  ]),
];

const ofProcess: readonly MetricRow[] = [
  gaugeBy("max", "quantile")(
    "event_loop_lag_seconds",
    "How late the event loop was since the last scrape",
    (source) => {
      const { p50, p99, max } = source.process().lag;
      return [
        [["0.5"], p50],
        [["0.99"], p99],
        [["1"], max],
      ];
    },
  ),
  gauge("process_resident_memory_bytes", "Resident memory", (source) => source.process().residentBytes),
  gauge("process_heap_bytes", "What JavaScript holds of it", (source) => source.process().heapBytes),
  counter("process_cpu_seconds_total", "CPU time, of user and system", (source) => source.process().cpuSeconds),
  gaugeBy("min")("process_start_time_seconds", "When it began, in seconds since 1970", (source) => {
    return source.process().startedAt;
  }),
];

const bus: readonly MetricRow[] = [
  gaugeBy("max")("node_num_nodes", "Nodes of the Bus, this one included", ({ bus }) => bus().nodes),
  gaugeBy("min")("bus_alive", "1 while the Bus delivers", ({ bus }) => Number(bus().isAlive)),
  gaugeBy("max")(
    "bus_round_trip_seconds",
    "How long a word of this node took over the Bus and back, last",
    ({ bus }) => {
      return bus().roundTripMs / 1000;
    },
  ),
];

/** All metrics of a process; docs/metrics.md is their list for people. */
export const metricRows: readonly MetricRow[] = [
  ...node,
  ...client,
  ...transport,
  ...api,
  ...connections,
  ...ofProcess,
  ...bus,
];

function byType({ publications, joins, leaves, controls }: BusCounts): Sample[] {
  return [
    [["publication"], publications],
    [["join"], joins],
    [["leave"], leaves],
    [["control"], controls],
  ];
}

/** Codes that are only others' are one series. */
function closes({ server }: MetricsSource): Sample[] {
  const samples: Sample[] = [];
  for (const [side, codes] of Object.entries(server().counts.closes)) {
    const counts = new Map<string, number>();
    for (const [code, count] of codes) {
      const label = codeLabels.close(code);
      counts.set(label, (counts.get(label) ?? 0) + count);
    }
    for (const [code, count] of counts) samples.push([[code, side], count]);
  }
  return samples;
}
