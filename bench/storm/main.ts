import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureStorm, type Storm } from "./storm.ts";

const help = `A reconnect storm: all clients are cut at once, and come back as the SDK does, 0.5 to 1 s later, with recovery.
Measured are the time from the cut until all are subscribed again, their handshakes, and what the server needs for them:
Belfry, and beside it a server over ws, in turn. Memory is that of the process; the kernel's comes on top for both.

  npm run bench:storm -- [--clients 5000] [--rounds 3] [--channels 100]
`;
const servers = {
  belfry: [
    fileURLToPath(new URL("../../../bin/belfry.js", import.meta.url)),
    ...["serve", "--host", "0.0.0.0", "--port", "0", "--allow-anonymous", "--allow-subscribe", "crowd:"],
  ],
  ws: [fileURLToPath(new URL("../../../bench/peers/ws.mjs", import.meta.url)), "--host", "0.0.0.0"],
} as const;

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "5000" },
    channels: { type: "string", default: "100" },
    rounds: { type: "string", default: "3" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) process.stdout.write(help);
else await main(Number(values.clients), Number(values.channels), Number(values.rounds));

async function main(clients: number, channels: number, rounds: number): Promise<void> {
  const storms: Record<string, Storm[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, args] of Object.entries(servers)) {
      const { server, port } = await start(args);
      const storm = await measureStorm({ port, pid: server.pid as number, clients, channels });
      server.kill("SIGKILL");
      storms[name] = [...(storms[name] ?? []), storm];
      process.stdout.write(`${name}, round ${round + 1}: ${JSON.stringify(storm)}\n`);
    }
  }
  process.stdout.write(`\n${clients} clients, the median of ${rounds} storms each:\n`);
  console.table(Object.fromEntries(Object.entries(storms).map(([name, all]) => [name, medianOf(all)])));
}

async function start(args: readonly string[]): Promise<{ server: ChildProcess; port: number }> {
  const server = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => server.kill("SIGKILL"));
  for await (const line of createInterface({ input: server.stdout })) {
    const port = /listening on .* port (\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    server.stdout.resume();
    return { server, port: Number(port) };
  }
  throw new Error("the server has ended");
}

function medianOf(storms: readonly Storm[]): Storm {
  const names = Object.keys(storms[0] as Storm) as (keyof Storm)[];
  const middle = (name: keyof Storm) =>
    storms.map((storm) => storm[name]).sort((a, b) => a - b)[Math.floor(storms.length / 2)] as number;
  return Object.fromEntries(names.map((name) => [name, middle(name)])) as unknown as Storm;
}
