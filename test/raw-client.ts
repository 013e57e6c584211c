import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { FrameHeader, readHeader } from "../src/ws/index.ts";

/** A frame as the server sent it. */
export interface RawFrame {
  fin: boolean;
  /** The reserved bits as a number, RSV1 being 4. */
  rsv: number;
  opcode: number;
  payload: Buffer;
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** A client that says what it is told to, byte by byte if need be: for what no WebSocket library would send. */
export class RawClient {
  readonly socket: Socket;
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end).on("close", end).on("error", end);
  }

  /** Connects; half-open, so that the client still sends after the server has ended. */
  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Connects and upgrades. */
  static async open(port: number, path = "/"): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.send(request({}, path));
    const answer = await client.head();
    if (answer.status !== 101) throw new Error(`not upgraded: ${answer.status}`);
    return client;
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Waits until `found` finds something in what has come; rejects when the stream ends before. */
  async #until<Found>(found: (bytes: Buffer) => { value: Found; used: number } | undefined): Promise<Found> {
    for (;;) {
      const got = found(this.#bytes);
      if (got) {
        this.#bytes = this.#bytes.subarray(got.used);
        return got.value;
      }
      if (this.#ended)
        throw new Error(`the stream ended with ${this.#bytes.length} bytes: ${this.#bytes.toString("latin1")}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The head of an HTTP answer, and as much of its body as its Content-Length says. */
  head(): Promise<{ status: number; headers: Map<string, string>; body: string }> {
    return this.#until((bytes) => {
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) return undefined;
      const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
      const headers = new Map(lines.map((line) => line.split(/: */, 2).map((part) => part) as [string, string]));
      const length = Number(headers.get("Content-Length") ?? 0);
      if (bytes.length < end + 4 + length) return undefined;
      const body = bytes.toString("utf8", end + 4, end + 4 + length);
      return { value: { status: Number(first.split(" ")[1]), headers, body }, used: end + 4 + length };
    });
  }

  frame(): Promise<RawFrame> {
    return this.#until((bytes) => {
      const header = new FrameHeader();
      const size = readHeader(bytes, 0, bytes.length, header);
      if (size === 0 || bytes.length < size + header.length) return undefined;
      const payload = Buffer.from(bytes.subarray(size, size + header.length));
      return {
        value: { fin: header.fin, rsv: header.rsv, opcode: header.opcode, payload },
        used: size + header.length,
      };
    });
  }

  /** The close frame, past whatever comes before it: its code and reason. */
  async closeFrame(): Promise<{ code: number; reason: string }> {
    for (;;) {
      const { opcode, payload } = await this.frame();
      if (opcode === 8)
        return { code: payload.length < 2 ? 1005 : payload.readUInt16BE(0), reason: payload.toString("utf8", 2) };
    }
  }

  /** Waits for the end of the server's stream. */
  async ended(): Promise<void> {
    while (!this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(): void {
    this.socket.end();
  }
  /** Cuts the connection with a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** A valid upgrade request; `change` sets headers, or leaves them out with undefined. */
export function request(
  change: Record<string, string | undefined> = {},
  path = "/",
  method = "GET",
  version = "HTTP/1.1",
): string {
  const headers = {
    Host: "127.0.0.1",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    ...change,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}\r\n`],
  );
  return `${method} ${path} ${version}\r\n${lines.join("")}\r\n`;
}

/** A client's frame, masked unless told otherwise. */
export function frame(
  opcode: number,
  payload: string | Uint8Array,
  options: { fin?: boolean; rsv?: number; masked?: boolean } = {},
): Buffer {
  const { fin = true, rsv = 0, masked = true } = options;
  const body = Buffer.from(payload as string);
  const length =
    body.length < 126 ? Buffer.from([body.length]) : body.length < 65_536 ? Buffer.alloc(3) : Buffer.alloc(9);
  if (length.length === 3) {
    length[0] = 126;
    length.writeUInt16BE(body.length, 1);
  } else if (length.length === 9) {
    length[0] = 127;
    length.writeBigUInt64BE(BigInt(body.length), 1);
  }
  length[0] = (length[0] as number) | (masked ? 0x80 : 0);
  const key = masked ? Buffer.from([0x12, 0x34, 0x56, 0x78]) : Buffer.alloc(0);
  if (masked) for (let i = 0; i < body.length; i++) body[i] = (body[i] as number) ^ (key[i & 3] as number);
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]), length, key, body]);
}
