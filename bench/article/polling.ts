import { Child } from "./child.ts";
import type { Part, Values } from "./part.ts";
import type { Tallied } from "./polling/tally.ts";

// Why there are WebSockets at all: the same mailboxes with the same changes, once looked at every second by each client
// with If-None-Match, once announced over a WebSocket, whereupon the client gets its mailbox once.

/** What is measured of; see the command's options. */
export interface PollingOrder {
  readonly mailboxes: number;
  readonly changes: number;
  readonly seconds: number;
}

/** Polling and push, one after the other, the server on one core and all clients on the other. */
export function pollingPart({ mailboxes, changes, seconds }: PollingOrder): Part {
  const load = `${mailboxes.toLocaleString("en")} clients, each with its mailbox, ${changes} changes a second, ${seconds} s.`;
  const wire = "Bytes of HTTP and WebSocket, without TCP/IP's own, counted at the clients' sockets.";
  const measure = (id: string, title: string, unit: string, note: string) =>
    ({ id: `polling-${id}`, title, unit, better: "less", note: `${note} ${load}` }) as const;
  return {
    name: "polling",
    subjects: ["polling", "push"],
    measures: [
      measure(
        "asked",
        "HTTP requests asked for",
        "1/s",
        "A poll of each client in each second; or a GET for each push.",
      ),
      {
        ...measure("answered", "HTTP requests answered", "1/s", "Fewer than are asked for: the server cannot keep up."),
        bounds: [{ subject: "push", of: "polling", most: 1 }],
      },
      measure("unchanged", "Answers that say 304", "%", "Of all that were answered: requests for nothing."),
      measure("up", "From the clients", "bytes/s", wire),
      measure("down", "To the clients", "bytes/s", `${wire} A mailbox is about 1 KB.`),
      measure("cpu", "CPU of the server", "% of a core", "User and system time of its process (/proc/PID/stat)."),
      measure(
        "known-p50",
        "From the change until the client knows, p50",
        "ms",
        "By the clock that both processes share.",
      ),
      measure(
        "known-p99",
        "From the change until the client knows, p99",
        "ms",
        "By the clock that both processes share.",
      ),
      measure(
        "had-p50",
        "From the change until the client has the mailbox, p50",
        "ms",
        "A poll brings it, a push is followed by a GET.",
      ),
      measure(
        "had-p99",
        "From the change until the client has the mailbox, p99",
        "ms",
        "A poll brings it, a push is followed by a GET.",
      ),
    ],
    measure: (way) => measureWay(way, { mailboxes, changes, seconds }),
  };
}

async function measureWay(way: string, { mailboxes, changes, seconds }: PollingOrder): Promise<Values> {
  const server = Child.server("article/polling/server.js", way, `${mailboxes}`, `${changes}`);
  const port = await server.says(/port (\d+)\n/);
  const clients = Child.client("article/polling/clients.js", way, port, `${mailboxes}`, `${seconds}`);
  await clients.says(/ready\n/);
  const cpuBefore = server.cpuSeconds;
  server.poke();
  clients.poke();
  const tallied = JSON.parse(await clients.says(/(\{.*\})\n/)) as Tallied;
  const cpuSeconds = server.cpuSeconds - cpuBefore;
  for (const child of [clients, server]) child.end();
  return {
    "polling-asked": tallied.asked / tallied.seconds,
    "polling-answered": tallied.answered / tallied.seconds,
    "polling-unchanged": (tallied.unchanged / tallied.answered) * 100,
    "polling-up": tallied.bytesUp / tallied.seconds,
    "polling-down": tallied.bytesDown / tallied.seconds,
    "polling-cpu": (cpuSeconds / tallied.seconds) * 100,
    "polling-known-p50": tallied.knownMs.p50,
    "polling-known-p99": tallied.knownMs.p99,
    "polling-had-p50": tallied.hadMs.p50,
    "polling-had-p99": tallied.hadMs.p99,
  };
}
