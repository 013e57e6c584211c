import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createDaemon } from "../src/daemon/index.ts";

/** Debian's nats-server. */
const NATS_SERVER = "/usr/sbin/nats-server";

/** A server of the NATS protocol that runs. */
export interface NatsPlace {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts one; on a port of its own unless it is told which. */
export type StartNats = (port?: number) => Promise<NatsPlace>;

/** The servers that the Bus is tested over, by name. */
export const natsServers: Readonly<Record<string, StartNats>> = { "belfry bus": startDaemon, ...debian() };

async function startDaemon(port = 0): Promise<NatsPlace> {
  const daemon = createDaemon();
  const address = await daemon.listen({ host: "127.0.0.1", port });
  return { port: address.port, stop: () => daemon.close() };
}

/** What is not installed is said aloud, and must not go unnoticed where all is to be tested. */
function debian(): Record<string, StartNats> {
  if (existsSync(NATS_SERVER)) return { "nats-server": startNatsServer };
  const sentence = `${NATS_SERVER} is not there: the Bus is not tested over the real NATS server`;
  if (process.env["CI"] === "true") throw new Error(`${sentence}; apt-get install nats-server`);
  console.warn(sentence);
  return {};
}

async function startNatsServer(port?: number): Promise<NatsPlace> {
  const place = port ?? (await freePort());
  const store = mkdtempSync(join(tmpdir(), "belfry-nats-"));
  const child = spawn(NATS_SERVER, ["-a", "127.0.0.1", "-p", `${place}`, "-js", "-sd", store], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stderr).on("line", (line) => {
      said.push(line);
      if (line.includes("Server is ready")) resolve();
    });
    void exited.then(() => reject(new Error(`nats-server ended: ${said.join("\n")}`)));
    child.once("error", reject);
  });
  return {
    port: place,
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
      rmSync(store, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || !address) throw new Error("no port");
  return address.port;
}
