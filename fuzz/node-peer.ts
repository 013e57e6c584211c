import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";

/** The parser of node:http, as another reader of RFC 9112. */

/** A head as it was read; that it was refused; or that more is waited for. */
export type HeadReading = ReadHead | "refused" | "more";

/** What a head says. */
export interface ReadHead {
  readonly method: string;
  readonly target: string;
  /** Names and values in turns. */
  readonly headers: readonly string[];
  /** The bytes of the head; undefined when that is not told. */
  readonly size: number | undefined;
}

/** A connection on which nothing comes but what is said to have come. */
class Silence extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

let reading: HeadReading = "more";
let sent = 0;

const server = createServer({ requireHostHeader: false, maxHeaderSize: 65_536, insecureHTTPParser: false });
server.maxHeadersCount = 0;
for (const event of ["request", "checkContinue", "checkExpectation"]) server.on(event, (request) => note(request));
for (const event of ["upgrade", "connect"]) server.on(event, (request, _socket, rest) => note(request, rest));
server.on("clientError", () => {
  if (reading === "more") reading = "refused";
});

/** Only the first request counts; how long its head was is told by what is left for an upgrade. */
function note({ method = "", url = "", rawHeaders }: IncomingMessage, rest?: Buffer): void {
  if (reading === "more") reading = { method, target: url, headers: rawHeaders, size: rest && sent - rest.length };
}

/** What node:http makes of bytes that begin a connection: all of it happens before `emit` returns. */
export function nodeRead(bytes: Uint8Array): HeadReading {
  reading = "more";
  sent = bytes.length;
  const socket = new Silence();
  server.emit("connection", socket);
  socket.emit("data", Buffer.from(bytes));
  const result = reading;
  socket.on("error", () => {});
  socket.destroy();
  return result;
}
