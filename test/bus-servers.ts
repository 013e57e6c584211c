import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { createDaemon, type DaemonOptions } from "../src/daemon/index.ts";

/** The servers of the NATS protocol that tests compare, and a client that says what it is told to. */

/** How a server is to behave; nats-server is told the same in its own words. */
export type BusSettings = Pick<
  DaemonOptions,
  | "user"
  | "password"
  | "token"
  | "controlLineBytesMax"
  | "payloadBytesMax"
  | "pendingBytesMax"
  | "subscriptionsMax"
  | "pingSeconds"
  | "tls"
> & { readonly port?: number };

export interface BusServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** One of the servers; the test's end stops what it started. */
export interface BusKind {
  readonly name: string;
  readonly isBelfry: boolean;
  /** Why it cannot be tested here. */
  readonly skip: string | false;
  start(t: TestContext, settings?: BusSettings): Promise<BusServer>;
}

const natsServer = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"].find(existsSync);

// Where the gate runs it must be there: its test fails then, and says so.
const natsSkip = natsServer || process.env["CI"] ? false : "nats-server is not installed: apt-get install nats-server";

export const natsKind: BusKind = { name: "nats-server", isBelfry: false, skip: natsSkip, start: startNats };

export const belfryKinds: readonly BusKind[] = (["native", "portable"] as const).map((driver) => ({
  name: `belfry bus with the ${driver} driver`,
  isBelfry: true,
  skip: driver === "native" && process.platform === "win32" ? "the addon is not built on Windows" : false,
  start: (t, settings = {}) => startBelfry(t, { ...settings, driver }),
}));

/** nats-server first: what it does is what the others should. */
export const busKinds: readonly BusKind[] = [natsKind, ...belfryKinds];

/** Starts `belfry bus` in this process. */
export async function startBelfry(
  t: TestContext,
  { port = 0, ...options }: DaemonOptions & { readonly port?: number } = {},
): Promise<BusServer> {
  const daemon = createDaemon(options);
  const at = await daemon.listen({ host: "127.0.0.1", port });
  const stop = () => daemon.close();
  t.after(stop);
  return { port: at.port, stop };
}

async function startNats(t: TestContext, settings: BusSettings = {}): Promise<BusServer> {
  assert.ok(natsServer, "nats-server is not installed: apt-get install nats-server");
  const folder = mkdtempSync(join(tmpdir(), "belfry-nats-"));
  writeFileSync(join(folder, "nats.conf"), natsConfig(settings) + natsTlsConfig(settings.tls, folder));
  const child = spawn(natsServer, ["-c", join(folder, "nats.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill();
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  t.after(stop);
  let port = 0;
  for await (const line of createInterface(child.stderr)) {
    port = Number(/Listening for client connections on .*:(\d+)/.exec(line)?.[1] ?? port);
    if (line.includes("Server is ready")) break;
  }
  assert.ok(port > 0, "nats-server did not start");
  child.stderr.resume();
  return { port, stop };
}

/** The port -1 is any that is free. */
function natsConfig(settings: BusSettings): string {
  const { user, password, token, port = -1, pingSeconds } = settings;
  const { controlLineBytesMax, payloadBytesMax, pendingBytesMax, subscriptionsMax } = settings;
  // Who takes nothing for so long is cut too, and holds up its server until then.
  const lines = [`listen: "127.0.0.1:${port}"`, 'write_deadline: "500ms"'];
  const say = (name: string, value: number | undefined) => value !== undefined && lines.push(`${name}: ${value}`);
  say("max_control_line", controlLineBytesMax);
  say("max_payload", payloadBytesMax);
  say("max_pending", pendingBytesMax);
  say("max_subscriptions", subscriptionsMax);
  say("ping_interval", pingSeconds);
  if (user !== undefined) lines.push(`authorization { user: "${user}", password: "${password}" }`);
  if (token !== undefined) lines.push(`authorization { token: "${token}" }`);
  return `${lines.join("\n")}\n`;
}

function natsTlsConfig(tls: BusSettings["tls"], folder: string): string {
  if (!tls) return "";
  const file = (name: string, pem: string | Buffer) => {
    writeFileSync(join(folder, name), pem);
    return `${name}_file: "${join(folder, name)}"`;
  };
  const own = [file("cert", tls.cert), file("key", tls.key)];
  const others = tls.ca ? [file("ca", tls.ca), "verify: true"] : [];
  return `tls {\n${[...own, ...others].join("\n")}\n}\n`;
}

/** Line ends as pictures: `|` is CR LF. */
export function picture(bytes: string): string {
  return bytes.replaceAll("\r\n", "|");
}

/** A connection that says what it is told to, byte by byte if need be, and shows what it hears as pictures. */
export class BusClient {
  readonly socket: Socket;
  /** What the server said of itself. */
  info: Readonly<Record<string, unknown>> = {};
  #heard = "";
  #isEnded = false;
  #wake = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#heard += text;
      this.#wake();
    });
    const end = () => {
      this.#isEnded = true;
      this.#wake();
    };
    // A server that closes with bytes unread resets the connection, which is an end too.
    socket.on("end", end).on("close", end).on("error", end);
  }

  /** Connects, and waits for INFO; the test's end ends it. */
  static async open(t: TestContext, port: number): Promise<BusClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    t.after(() => socket.destroy());
    await once(socket, "connect");
    const client = new BusClient(socket);
    client.info = JSON.parse((await client.until(/^INFO (.*)\|/))[1] as string);
    return client;
  }

  /** What has been heard and was not taken by `until`. */
  get heard(): string {
    return picture(this.#heard);
  }

  /** Sends a picture. */
  send(text: string): void {
    this.socket.write(text.replaceAll("|", "\r\n"), "latin1");
  }

  /** Waits until what is heard, as a picture, matches; takes it, and all before it. Rejects at the stream's end. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.heard);
      if (found) {
        this.#heard = this.heard.slice(found.index + found[0].length).replaceAll("|", "\r\n");
        return found;
      }
      if (this.#isEnded) throw new Error(`the stream ended: ${this.heard.slice(0, 1000)}`);
      await this.#more();
    }
  }

  /** Says it, and then a PING: what is heard until its PONG, or until the end, which is shown as END. */
  async answer(text: string): Promise<string> {
    this.send(`${text}PING|`);
    const pongs = text.split(/^PING|\|PING/i).length;
    while (!this.#isEnded && this.#heard.split("PONG\r\n").length <= pongs) await this.#more();
    const heard = this.#isEnded ? `${this.heard}END` : this.heard.replace(/PONG\|$/, "");
    this.#heard = "";
    return heard;
  }

  /** Waits for the end of the server's stream; returns what was heard until then. */
  async ended(): Promise<string> {
    while (!this.#isEnded) await this.#more();
    return this.heard;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
