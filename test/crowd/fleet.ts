import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, on, once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const belfry = fileURLToPath(new URL("../../../bin/belfry.js", import.meta.url));

/** Where nginx is, undefined where it is not. */
export const nginx = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].find((path) => existsSync(path));

/** A process of `belfry` that says in its log when it listens. */
export class Instance {
  readonly lines: string[] = [];
  readonly args: readonly string[];
  child: ChildProcess | undefined;
  readonly #env: Record<string, string>;
  readonly #said = new EventEmitter();

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.args = args;
    this.#env = env;
  }

  /** Starts it, again too; resolves when it listens. */
  async start(): Promise<void> {
    const before = this.lines.length;
    const child = spawn(process.execPath, [belfry, ...this.args], {
      env: { PATH: process.env["PATH"] ?? "", ...this.#env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.child = child;
    createInterface({ input: child.stdout }).on("line", (json) => {
      this.lines.push((JSON.parse(json) as { msg: string }).msg);
      this.#said.emit("line");
    });
    await this.says(/listening on/, before);
  }

  /** Resolves when a line, of those from `from` on, matches. */
  async says(pattern: RegExp, from = 0): Promise<void> {
    const holds = () => this.lines.slice(from).some((line) => pattern.test(line));
    if (holds()) return;
    for await (const _ of on(this.#said, "line")) if (holds()) return;
  }

  /** Sends a signal, and resolves with the code and signal of its end. */
  async end(signal: NodeJS.Signals): Promise<unknown[]> {
    const child = this.child as ChildProcess;
    const ended = once(child, "exit");
    child.kill(signal);
    return await ended;
  }

  kill(): void {
    this.child?.kill("SIGKILL");
  }
}

/** A Bus, and instances of `belfry serve` that share it, behind nginx where there is one. */
export class Fleet {
  readonly bus: Instance;
  readonly instances: readonly Instance[];
  /** Where nginx listens. */
  readonly port: number;
  /** Where each instance listens. */
  readonly ports: readonly number[];
  readonly #folder = mkdtempSync(join(tmpdir(), "belfry-fleet-"));
  readonly #configuration: string;
  #nginx: ChildProcess | undefined;

  private constructor(
    ports: readonly number[],
    busPort: number,
    port: number,
    { settings, lastArgs }: { settings: object; lastArgs: readonly string[] },
  ) {
    this.port = port;
    this.ports = ports;
    this.bus = new Instance(["bus", "--host", "127.0.0.1", "--port", `${busPort}`]);
    const file = join(this.#folder, "belfry.json");
    const all = {
      ...configuration,
      ...settings,
      bus: { url: `nats://127.0.0.1:${busPort}`, historyStorage: "memory" },
    };
    writeFileSync(file, JSON.stringify(all));
    const serve = (own: number) => ["serve", "--config", file, "--host", "127.0.0.1", "--port", `${own}`];
    const last = ports.length - 1;
    this.instances = ports.map((own, i) => new Instance([...serve(own), ...(i === last ? lastArgs : [])]));
    this.#configuration = join(this.#folder, "nginx.conf");
    writeFileSync(this.#configuration, nginxConf(port, ports));
  }

  /** Starts all of it but nginx; the last instance has further arguments. */
  static async start(count: number, settings: object = {}, lastArgs: readonly string[] = []): Promise<Fleet> {
    const [busPort = 0, port = 0, ...ports] = await freePorts(count + 2);
    const fleet = new Fleet(ports, busPort, port, { settings, lastArgs });
    await fleet.bus.start();
    await Promise.all(fleet.instances.map((instance) => instance.start()));
    return fleet;
  }

  /** Starts nginx; resolves when it accepts. */
  async startNginx(): Promise<void> {
    const args = ["-p", this.#folder, "-c", this.#configuration, "-g", "daemon off;"];
    this.#nginx = spawn(nginx as string, args, { stdio: ["ignore", "ignore", "inherit"] });
    while (!(await fetch(`http://127.0.0.1:${this.port}/`).catch(() => undefined)));
  }

  /** Ends all at once, for an exit that cannot wait. */
  kill(): void {
    for (const instance of [...this.instances, this.bus]) instance.kill();
    this.#nginx?.kill("SIGTERM");
  }

  async close(): Promise<void> {
    for (const instance of [...this.instances, this.bus]) instance.kill();
    if (this.#nginx?.exitCode === null) {
      this.#nginx.kill("SIGTERM");
      await once(this.#nginx, "exit");
    }
    rmSync(this.#folder, { recursive: true });
  }
}

/** The key of the HTTP API of a fleet. */
export const KEY = "secret";

const configuration = {
  api: { keys: [{ key: KEY, scopes: ["*"] }] },
  client: { allowAnonymous: true },
  channel: {
    withoutNamespace: {},
    namespaces: {
      crowd: {
        allowSubscribeForClient: true,
        allowSubscribeForAnonymous: true,
        historySize: 300,
        historySeconds: 300,
        forceRecovery: true,
      },
    },
  },
};

/** One that waits for nobody: a server that refuses is asked again at the next request. */
function nginxConf(port: number, ports: readonly number[]): string {
  const servers = ports.map((own) => `server 127.0.0.1:${own} max_fails=0;`).join(" ");
  return `
    worker_processes 1;
    worker_rlimit_nofile 20000;
    pid nginx.pid;
    error_log error.log crit;
    events { worker_connections 19000; }
    http {
      access_log off;
      client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
      upstream belfry { ${servers} }
      map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
      server {
        listen 127.0.0.1:${port} backlog=4096;
        location / {
          proxy_pass http://belfry;
          proxy_http_version 1.1;
          proxy_set_header Host $host;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection $connection_upgrade;
          proxy_read_timeout 1h;
          proxy_connect_timeout 2s;
        }
      }
    }`;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await once(server.listen(0, "127.0.0.1"), "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
