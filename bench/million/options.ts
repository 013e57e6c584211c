import { Command } from "commander";

const examples = `
Examples:
  A million on this machine: as many processes as its descriptors ask for
    $ npm run million

  What fits into a minute
    $ npm run million -- --connections 20000 --seconds 10

  Where one process may have descriptors enough (ulimit -n 1100000): all in one
    $ npm run million -- --processes 1

Looks first whether memory, ports and conntrack suffice, as belfry doctor does. Ctrl-C ends it, and nothing stays behind.
`;

/** What the command was asked for. */
export interface Options {
  connections: number;
  processes?: number;
  descriptors?: number;
  port: number;
  arrivals: number;
  pingSeconds: number;
  rate: number;
  seconds: number;
  restSeconds: number;
  warmSeconds: number;
  json?: string;
}

export const options = new Command("million")
  .description("Very many WebSockets at once on this machine, each subscribed to a channel of its own, and notified.")
  .option("--connections <n>", "how many", Number, 1_000_000)
  .option(
    "--processes <n>",
    "that serve, and as many clients; as many as their descriptors ask for when not given",
    Number,
  )
  .option("--descriptors <n>", "that one process may have; what the machine allows when not given", Number)
  .option("--port <n>", "where they listen", Number, 8765)
  .option("--arrivals <n>", "opened a second", Number, 5000)
  .option("--ping-seconds <n>", "how often the protocol pings each client", Number, 100)
  .option("--rate <n>", "clients notified a second", Number, 1000)
  .option("--seconds <n>", "how long they are", Number, 60)
  .option("--rest-seconds <n>", "how long it is measured at rest", Number, 20)
  .option("--warm-seconds <n>", "how long they are before that: so many processes compile for a while", Number, 30)
  .option("--json <file>", "write the results into this file")
  .addHelpText("after", examples)
  .parse()
  .opts<Options>();
