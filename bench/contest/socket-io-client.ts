import { connect, type Socket } from "node:net";

/** What a client of Socket.IO is made with. */
export interface SocketIoParts {
  readonly url: URL;
  readonly localAddress: string;
  /** It is connected to the namespace "/". */
  connected(): void;
  /** Called with the text of each message but pings: `42["m",…]`, or `430[]`, an acknowledgement. */
  message(text: string): void;
  /** Its connection has ended, or could not be made. */
  ended(): void;
}

const PONG = frameOf("3");
const HEAD_END = "\r\n\r\n";

/**
 * One connection to a server of Socket.IO, on a bare socket: frames of RFC 6455, in them packets of Engine.IO 4 (0 open,
 * 2 ping, 3 pong, 4 message), in these packets of Socket.IO 5 (0 connect, 2 event, 3 acknowledgement).
 */
export class SocketIoClient {
  readonly #parts: SocketIoParts;
  readonly #socket: Socket;
  #isOpen = false;
  #isConnected = false;
  /** What came of a head or a frame that is not whole. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(parts: SocketIoParts) {
    const { hostname, port, pathname, search, host } = parts.url;
    this.#parts = parts;
    this.#socket = connect({ host: hostname, port: Number(port), localAddress: parts.localAddress, noDelay: true });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => parts.ended());
    this.#socket.on("data", (bytes) => this.#take(bytes));
    this.#socket.write(
      `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
  }

  /** Sends what {@link frameOf} made. */
  send(frame: Uint8Array): void {
    this.#socket.write(frame);
  }

  #take(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (!this.#isOpen) {
      const end = rest.indexOf(HEAD_END);
      if (end >= 0 && !rest.toString("latin1", 0, 12).endsWith(" 101")) return void this.#socket.destroy();
      this.#isOpen = end >= 0;
      rest = rest.subarray(this.#isOpen ? end + HEAD_END.length : 0);
    }
    for (let used = 1; this.#isOpen && used > 0; rest = rest.subarray(used)) used = this.#takeFrame(rest);
    this.#rest = rest;
  }

  /** Takes one frame; returns its length, 0 when it is not whole. */
  #takeFrame(bytes: Buffer): number {
    const short = (bytes[1] ?? 0) & 127;
    const from = short < 126 ? 2 : 4;
    if (bytes.length < from) return 0;
    const end = from + (short < 126 ? short : bytes.readUInt16BE(2));
    if (bytes.length < end) return 0;
    // A close frame, or a length in 64 bits, which nothing here needs.
    if (bytes[0] !== 0x81 || short === 127) this.#socket.destroy();
    else this.#packet(bytes.toString("utf8", from, end));
    return end;
  }

  #packet(text: string): void {
    if (text === "2") this.#socket.write(PONG);
    else if (text.startsWith("0")) this.#socket.write(frameOf("40"));
    else if (text.startsWith("40") && !this.#isConnected) {
      this.#isConnected = true;
      this.#parts.connected();
    } else this.#parts.message(text);
  }
}

/** A masked text frame of up to 65,535 bytes; the key of a measurement may be 0. */
export function frameOf(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(payload.length < 126 ? 6 : 8);
  head[0] = 0x81;
  head[1] = 0x80 | Math.min(payload.length, 126);
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}
