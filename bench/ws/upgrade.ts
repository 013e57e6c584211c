import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { cookie, Upgrader } from "../../src/ws/index.ts";
import type { Contest } from "./contest.ts";

/** What every request for an upgrade has, one protocol, a browser's extension, and a cookie. */
const REQUEST = Buffer.from(
  [
    "GET /ws HTTP/1.1",
    "Host: push.example.com",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: chat.v2",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "Cookie: session=31d4d96e407aad42",
    "",
    "",
  ].join("\r\n"),
);
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A connection without a kernel: what is pushed is read, what is written is counted. */
class Wire extends Duplex {
  answer: Buffer | undefined;
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.answer = chunk;
    done();
  }
  // What node:http and ws call of a socket.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
}

/** Gives the request to an HTTP server on new connections, one after another. */
function throughHttp(upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void) {
  const server = createServer();
  server.on("upgrade", upgrade);
  return async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const wire = new Wire();
      server.emit("connection", wire);
      wire.push(REQUEST);
      while (!wire.answer) await new Promise((resolve) => process.nextTick(resolve));
      if (!wire.answer.includes(ACCEPT)) throw new Error(wire.answer.toString());
      wire.destroy();
    }
  };
}

/** The same checks and the same answer, as one writes them on node:http. */
function upgradeByHand({ method, headers }: IncomingMessage, socket: Duplex): void {
  const key = headers["sec-websocket-key"];
  const isValid =
    method === "GET" &&
    headers.host === "push.example.com" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers.connection?.toLowerCase().split(/, */).includes("upgrade") &&
    headers["sec-websocket-version"] === "13" &&
    key !== undefined &&
    /^[+/0-9A-Za-z]{22}==$/.test(key);
  if (!isValid) throw new Error("not valid");
  const cookies = (headers.cookie ?? "").split(/; */).map((pair) => pair.split("=", 2));
  if (!cookies.some(([name]) => name === "session")) throw new Error("no cookie");
  const protocol = (headers["sec-websocket-protocol"] ?? "").split(/, */).find((name) => name.startsWith("chat."));
  const [extension, ...parameters] = (headers["sec-websocket-extensions"] ?? "").split(/; */);
  const deflate = extension === "permessage-deflate" && parameters.every((name) => name.startsWith("client_"));
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n` +
      `${deflate ? "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n" : ""}\r\n`,
  );
}

export const upgradeContest: Contest = {
  name: "upgrade",
  unit: "upgrade",
  times: 20_000,
  contenders: [
    {
      name: "belfry",
      prepare() {
        let cookies = 0;
        const upgrader = new Upgrader({
          protocols: ["chat.v2", "chat.v1"],
          deflate: true,
          onHost: (_, from, to) => (to - from === 16 ? undefined : { status: 421 }),
          onHeader: (head, index) => {
            // Looked at where it lies: the name's length tells it from most others.
            if (head.nameTo(index) - head.nameFrom(index) === 6 && head.bytes[head.nameFrom(index)] === 0x43) cookies++;
          },
        });
        const slab = Buffer.alloc(64 * 1024);
        slab.set(REQUEST);
        return (times) => {
          for (let i = 0; i < times; i++) {
            const { state } = upgrader.upgrade(slab, 0, REQUEST.length, slab, 32_768);
            if (state !== "upgraded") throw new Error(state);
          }
          if (cookies === 0 || !slab.includes(ACCEPT)) throw new Error("not upgraded");
        };
      },
    },
    {
      name: "belfry, cookie as text",
      prepare() {
        const upgrader = new Upgrader({
          protocols: ["chat.v2", "chat.v1"],
          deflate: true,
          onBeforeUpgrade: (head) => {
            const at = head.find("cookie");
            const session = at < 0 ? undefined : cookie(head.bytes, head.valueFrom(at), head.valueTo(at), "session");
            return session === undefined ? { status: 401 } : undefined;
          },
        });
        const slab = Buffer.alloc(64 * 1024);
        slab.set(REQUEST);
        return (times) => {
          for (let i = 0; i < times; i++) {
            const { state } = upgrader.upgrade(slab, 0, REQUEST.length, slab, 32_768);
            if (state !== "upgraded") throw new Error(state);
          }
        };
      },
    },
    {
      name: "node:http",
      prepare: () => throughHttp(upgradeByHand),
    },
    {
      name: "ws on node:http",
      prepare() {
        const server = new WebSocketServer({
          noServer: true,
          perMessageDeflate: true,
          handleProtocols: () => "chat.v2",
        });
        return throughHttp((request, socket, head) => server.handleUpgrade(request, socket as never, head, () => {}));
      },
    },
    {
      name: "naive",
      prepare: () => (times) => {
        for (let i = 0; i < times; i++) {
          const [line = "", ...lines] = REQUEST.toString("latin1").split("\r\n");
          const headers = new Map(lines.map((text) => text.toLowerCase().split(": ", 2) as [string, string]));
          if (!line.startsWith("GET ") || headers.get("upgrade") !== "websocket") throw new Error("no");
          const accept = createHash("sha1").update(`dGhlIHNhbXBsZSBub25jZQ==${GUID}`).digest("base64");
          const answer = Buffer.from(`HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
          if (answer.length === 0) throw new Error("never");
        }
      },
    },
  ],
};
