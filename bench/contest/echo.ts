import type { Bound } from "../report/results.ts";
import { cpuNs } from "../vitals.ts";
import { startServer } from "./children.ts";
import type { Contestant, Service } from "./contestants.ts";
import { Load } from "./load.ts";
import type { Trial } from "./trial.ts";

const BOUNDS: readonly Bound[] = [
  { subject: "belfry", of: "floor", most: 1.15 },
  { subject: "belfry", of: "uws", most: 1 },
  { subject: "belfry", of: "bun", most: 1 },
  { subject: "belfry", of: "ws", most: 0.55 },
];

/** CPU for each echo, by the size of the message. */
export const echoTrials: readonly Trial[] = [
  echoTrial("32", 32, "32 B", BOUNDS),
  echoTrial("1k", 1024, "1 KB"),
  echoTrial("16k", 16_384, "16 KB"),
];

function echoTrial(label: string, bytes: number, title: string, bounds: readonly Bound[] = []): Trial {
  const id = `echo-${label}`;
  return {
    name: id,
    measures: [
      {
        id,
        title: `CPU for each echo of ${title}`,
        unit: "µs",
        better: "less",
        note:
          "User and system time of the server's processes, by the number of echoes. Each connection sends its next " +
          "message as soon as it was answered; the server is warm. Socket.IO's messages are events of text.",
        ...(bounds.length > 0 && { bounds }),
      },
    ],
    skips: ({ echo }) => (echo ? undefined : "has no echo"),
    async run(contestant, { busy, seconds }) {
      const server = await startServer((contestant.echo as Service).command);
      try {
        const order = { scenario: "echo", connections: busy, size: bytes } as const;
        await warmUp(contestant, server.port, busy, bytes);
        const before = cpuNs(server.pid);
        const load = new Load(contestant, contestant.echo as Service, server.port, { ...order, seconds });
        const { messages } = await load.summary();
        return { [id]: (cpuNs(server.pid) - before) / messages / 1000 };
      } finally {
        await server.stop();
      }
    },
  };
}

/** Lets a server compile its code, and fill its pools. */
export async function warmUp(contestant: Contestant, port: number, connections: number, size: number): Promise<void> {
  const order = { scenario: "echo", connections, size, seconds: 1 } as const;
  await new Load(contestant, contestant.echo as Service, port, order).summary();
}
