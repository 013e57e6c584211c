import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Floors } from "./floors.ts";
import { API_KEY } from "./publish.ts";

/** How a contestant serves one kind of measure. */
export interface Service {
  /** Starts its server on a free port, which it says. */
  readonly command: readonly string[];
  readonly path: string;
}

/** Who takes part. */
export interface Contestant {
  readonly name: string;
  readonly version: string;
  /** Why it cannot take part here. */
  readonly absent?: string;
  /** Sends every message back. */
  readonly echo?: Service;
  /** Clients subscribe to channels, and `publish` reaches them. */
  readonly channels?: Service;
  /** Frames of its own stand above WebSocket: only its own client can load it. */
  readonly dialect?: "socket.io";
  /** Measures bare sends to so many connections, instead of a server with channels. */
  readonly sends?: (connections: number, bytes: number) => readonly string[];
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
const peers = join(root, "bench/peers");
const node = [process.execPath, "--expose-gc"];
const CHANNELS_PATH = "/connection/websocket";
const INSTALL = "npm ci --prefix bench/peers";

/** All who may take part, Belfry first; programs in C are compiled into `folder` before. */
export async function findContestants(floors: Floors, folder: string): Promise<Contestant[]> {
  return [
    belfry(),
    peer("ws", "ws", [...node, join(peers, "ws.mjs")]),
    bun(),
    await uws(folder),
    socketIo(),
    floor(floors),
  ];
}

function belfry(): Contestant {
  const serve = ["serve", "--host", "127.0.0.1", "--port", "0", "--allow-anonymous", "--allow-subscribe"];
  return {
    name: "belfry",
    version: versionIn(root),
    echo: { command: [...node, join(root, "dist/examples/echo.js"), "--port", "0"], path: "/echo" },
    channels: {
      command: [process.execPath, join(root, "bin/belfry.js"), ...serve, "--api-key", API_KEY],
      path: CHANNELS_PATH,
    },
  };
}

/** One of bench/peers: its file serves both kinds. */
function peer(name: string, packageName: string, command: readonly string[]): Contestant {
  const home = ["bench/peers/node_modules", "node_modules"].find((folder) =>
    versionIn(join(root, folder, packageName)),
  );
  if (home === undefined) return { name, version: "", absent: `not installed: ${INSTALL}` };
  return {
    name,
    version: versionIn(join(root, home, packageName)),
    echo: { command, path: "/echo" },
    channels: { command, path: CHANNELS_PATH },
  };
}

/** Its binaries are packages of their own, so nothing of `bun` itself must run at install. */
function bun(): Contestant {
  const place = join(
    peers,
    "node_modules/@oven",
    `bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : "x64"}`,
  );
  const binary = join(place, "bin/bun");
  return peer("bun", `@oven/${place.split("/").at(-1)}`, [binary, join(peers, "bun.mjs")]);
}

async function uws(folder: string): Promise<Contestant> {
  const name = "uws";
  const found = peer(name, "@btc-vision/uwebsockets.js", []);
  if (found.absent !== undefined) return found;
  const { uwsEnvironment } = (await import(join(peers, "uws-shim.mjs"))) as {
    uwsEnvironment(folder: string): Record<string, string>;
  };
  try {
    const environment = Object.entries(uwsEnvironment(folder)).map((entry) => entry.join("="));
    const command = ["env", ...environment, ...node, join(peers, "uws.mjs")];
    return { ...found, echo: { command, path: "/echo" }, channels: { command, path: CHANNELS_PATH } };
  } catch (error) {
    return { name, version: found.version, absent: `its binary does not load: ${(error as Error).message}` };
  }
}

function socketIo(): Contestant {
  const found = peer("socket.io", "socket.io", [...node, join(peers, "socket-io.mjs")]);
  if (found.absent !== undefined) return found;
  const path = "/socket.io/?EIO=4&transport=websocket";
  const [echo, channels] = [found.echo, found.channels].map((service) => ({ command: service?.command ?? [], path }));
  return { ...found, dialect: "socket.io", ...(echo && { echo }), ...(channels && { channels }) };
}

function floor({ echo, sends, compiler, absent }: Floors): Contestant {
  const name = "floor";
  if (absent !== undefined) return { name, version: "", absent };
  return {
    name,
    version: compiler,
    echo: { command: [echo], path: "/echo" },
    sends: (connections, bytes) => [sends, `${connections}`, `${bytes}`],
  };
}

/** The version of the package in a folder; "" when there is none. */
function versionIn(folder: string): string {
  try {
    return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version;
  } catch {
    return "";
  }
}
