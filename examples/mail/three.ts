import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { connectNats } from "../../src/bus/index.ts";
import { Announcer } from "./announcer.ts";
import type { MailConfig } from "./config.ts";
import { createMailHttp } from "./http.ts";
import { greeting, listening, log, openStorage, type Running, run } from "./run.ts";
import { MailReceiver } from "./smtp.ts";

const command = fileURLToPath(new URL("../../../bin/belfry.js", import.meta.url));
let isEnding = false;

await run(start);

/** The article as it is drawn: Storage, Bus and notification API are three processes; this one is the Storage. */
async function start(config: MailConfig): Promise<Running> {
  const storage = openStorage(config.dataDir);
  const token = randomBytes(24).toString("hex");
  const bus = await startBelfry(["bus", "--host", "127.0.0.1", "--port", "0"], { BELFRY_BUS_TOKEN: token });
  const url = `nats://${token}@127.0.0.1:${bus.port}`;
  const broker = await connectNats({ url, log });
  const announcer = new Announcer(broker, log);
  const receiver = new MailReceiver({ storage, announcer, log });
  const smtp = await listening("SMTP_PORT", config.smtpPort, receiver.listen(config.smtpPort, config.host));
  const places = { smtp: { host: smtp.address, port: smtp.port }, pushPort: 0 };
  const web = createServer(createMailHttp({ storage, announcer, log, info: () => places }));
  await listening("PORT", config.port, once(web.listen(config.port, config.host), "listening"));
  const page = web.address() as AddressInfo;
  const origins = ["localhost", "127.0.0.1", config.host].map((host) => `http://${host}:${page.port}`);
  const push = await startBelfry(
    ["serve", "--host", config.host, "--port", "0", "--allow-anonymous", "--allow-subscribe", "mail:"].concat(
      ...origins.map((origin) => ["--allowed-origin", origin]),
    ),
    { BELFRY_BUS_URL: url },
  );
  places.pushPort = push.port;
  return {
    greeting: greeting(page, smtp),
    close: async () => {
      isEnding = true;
      await receiver.close();
      await announcer.settled();
      web.close().closeAllConnections();
      await end(push.child);
      await broker.close();
      await end(bus.child);
    },
    endNow: () => {
      for (const { child } of [push, bus]) child.kill("SIGKILL");
      storage.close();
    },
  };
}

/** Starts `belfry` with the variables; resolves with the port that its log tells. */
async function startBelfry(args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [command, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout });
  const port = await new Promise<number>((resolve, reject) => {
    lines.on("line", (line) => {
      const { msg, level } = JSON.parse(line) as { msg: string; level: number };
      const port = /^listening on .* port (\d+)/.exec(msg)?.[1];
      if (port !== undefined) resolve(Number(port));
      else if (level > 30) log.warn(`belfry ${args[0]}: ${msg}`);
    });
    child.once("exit", () => reject(new Error(`belfry ${args[0]} could not be started`)));
  });
  child.once("exit", () => {
    if (isEnding) return;
    log.error(`belfry ${args[0]} has ended`);
    process.kill(process.pid, "SIGTERM");
  });
  return { child, port };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
