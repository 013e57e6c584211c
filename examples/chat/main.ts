import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { Command, InvalidArgumentError } from "commander";
import { createServer, SystemError } from "../../src/index.ts";
import { ChatError, chatLimits, readEnvelope } from "./envelope.ts";
import { Rooms } from "./room.ts";

const example = `
Example:
  $ node dist/examples/chat/main.js --port 8001
  and open http://localhost:8001/#tea in two windows: the page's hash is the room.
`;

const options = new Command("chat")
  .description("A chat with rooms, names and a page: the article's example on Belfry.")
  .option("--port <number>", "where to listen; 0 for any free port", readPort, 8001)
  .option("--host <address>", "numeric address to listen on", "127.0.0.1")
  .addHelpText("after", example)
  .parse()
  .opts<{ port: number; host: string }>();

// Listen, accept, upgrade, receive: nothing is kept for a connection between its packets but its place in a room.
const rooms = new Rooms();
const server = createServer({
  messageBytesMax: chatLimits.envelopeBytesMax,
  http: servePage(),
  log: { info: console.log, warn: console.warn, error: console.error },
  upgrade(request) {
    if (request.path !== "/chat") return { status: 404, reason: "the chat is at /chat" };
    // A page of another site must not speak in the name of who looks at it.
    const origin = request.header("origin");
    const own = origin === undefined || origin.endsWith(`//${request.header("host")}`);
    return own ? undefined : { status: 403, reason: "only the chat's own page may connect" };
  },
  open(connection) {
    rooms.enter(connection);
  },
  packet(connection, packet) {
    rooms.receive(connection, () => {
      if (!packet.isText) throw new ChatError("malformed", "an envelope is a text message");
      return readEnvelope(packet.text());
    });
  },
  close(connection) {
    rooms.exit(connection);
  },
});

try {
  const { address, port } = await server.listen({ port: options.port, host: options.host });
  const host = address.includes(":") ? `[${address}]` : address;
  console.log(`chat: http://${host}:${port}/#lobby`);
} catch (error) {
  console.error(reasonOf(error));
  process.exit(1);
}
process.once("SIGINT", () => void server.close());
process.once("SIGTERM", () => void server.close());

/** Answers requests that are not for a WebSocket: the page's files, read once, and nothing else. */
function servePage(): RequestListener {
  const sources = new URL("../../../examples/chat/web/", import.meta.url);
  const files = new Map([
    ["/", file("index.html", "text/html; charset=utf-8", sources)],
    ["/style.css", file("style.css", "text/css; charset=utf-8", sources)],
    ["/icon.svg", file("icon.svg", "image/svg+xml", sources)],
    ["/page.js", file("page.js", "text/javascript; charset=utf-8", new URL("web/", import.meta.url))],
  ]);
  const headers = {
    "Content-Security-Policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
  };
  return (request, response) => {
    const asks = request.method === "GET" || request.method === "HEAD";
    const found = asks ? files.get((request.url ?? "").split("?", 1)[0] as string) : undefined;
    const type = found?.type ?? "text/plain; charset=utf-8";
    response.writeHead(found ? 200 : 404, { ...headers, "Content-Type": type });
    response.end(found?.body ?? "Nothing is here.\n");
  };
}

function file(name: string, type: string, folder: URL): { readonly type: string; readonly body: Buffer } {
  return { type, body: readFileSync(new URL(name, folder)) };
}

function readPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError("Allowed are whole numbers from 0 to 65535.");
}

/** Says in one line what went wrong and what to do. */
function reasonOf(error: unknown): string {
  const inUse = error instanceof SystemError && error.errno === "EADDRINUSE";
  if (inUse) return `Port ${options.port} is in use: stop what uses it, or choose another with --port`;
  return error instanceof Error ? error.message : String(error);
}
