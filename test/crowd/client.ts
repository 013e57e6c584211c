import { connect, type Socket } from "node:net";

/** What a client of the crowd is made with. */
export interface CrowdClientParts {
  readonly port: number;
  /** Ports are enough for some 28,000 connections to one address. */
  readonly host?: string;
  /** What it subscribes to; its publications are the numbers 1, 2, 3, … */
  readonly channel: string;
  /** A connection attempt begins. */
  readonly attempt?: () => void;
  /** It is subscribed, for the first time or again. */
  readonly subscribed?: () => void;
  /** A publication has come. */
  readonly published?: () => void;
}

/** What must all be 0 for a client, and for all together. */
export interface Faults {
  /** Publications that never came, though recovery said that it had brought all. */
  lost: number;
  twice: number;
  disordered: number;
  /** Returns after which the server could not bring what was missed. */
  unrecovered: number;
}

/** The frames and the protocol as far as they are needed here; a frame that came in part waits in `#rest`. */
const HEAD =
  "GET /connection/websocket HTTP/1.1\r\nHost: crowd\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
const PONG = frameOf(1, Buffer.from("{}"));

/** As the SDK: `minReconnectDelay`, `maxReconnectDelay` and `timeout`. */
const DELAY_MS_MIN = 500;
const DELAY_MS_MAX = 20_000;
const TIMEOUT_MS = 5000;

interface Publication {
  readonly data: number;
  readonly offset?: number;
}

/** A client of the protocol on a bare socket, which comes back as the SDK does, recovers, and counts what is amiss. */
export class CrowdClient {
  readonly faults: Faults = { lost: 0, twice: 0, disordered: 0, unrecovered: 0 };
  /** The number that came last. */
  last = -1;
  /** How often it was subscribed. */
  returns = 0;
  /** By code, how connections that were open came to their end; 0 without a close frame. */
  readonly closes: Record<number, number> = {};
  readonly #parts: CrowdClientParts;
  #socket: Socket | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #isOpen = false;
  #isSubscribed = false;
  #step = 0;
  #position: { offset: number; epoch: string } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(parts: CrowdClientParts) {
    this.#parts = parts;
  }

  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  connect(): void {
    const { port, host = "127.0.0.1", attempt } = this.#parts;
    attempt?.();
    const socket = connect({ port, host, noDelay: true });
    this.#socket = socket;
    this.#rest = Buffer.alloc(0);
    this.#isOpen = false;
    this.#timer = setTimeout(() => socket.destroy(), TIMEOUT_MS);
    socket.write(HEAD);
    socket.on("data", (bytes) => this.#take(bytes));
    // After a reset that fails, since the peer's came first, Node tells of no close (`resetAndDestroy`).
    socket.on("error", () => this.#ended(0));
    socket.on("close", () => this.#ended(0));
  }

  /** Ends the connection without a word, as a network does; the client comes back. */
  cut(): void {
    this.#socket?.resetAndDestroy();
  }

  /** Ends the client. */
  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#socket?.resetAndDestroy();
  }

  #ended(code: number): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    this.#isSubscribed = false;
    socket.removeAllListeners("data").removeAllListeners("close").end();
    if (this.#isOpen) this.closes[code] = (this.closes[code] ?? 0) + 1;
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    const most = Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** this.#step++);
    this.#timer = setTimeout(() => this.connect(), Math.min(DELAY_MS_MAX, DELAY_MS_MIN + Math.random() * most));
  }

  #take(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (!this.#isOpen) {
      const end = rest.indexOf("\r\n\r\n");
      if (end < 0) {
        this.#rest = rest;
        return;
      }
      if (!rest.toString("latin1", 0, 12).endsWith(" 101")) return void this.#socket?.destroy();
      rest = rest.subarray(end + 4);
      this.#isOpen = true;
      this.#greet();
    }
    for (let used = this.#takeFrame(rest); used > 0 && this.#socket; used = this.#takeFrame(rest)) {
      rest = rest.subarray(used);
    }
    this.#rest = rest;
  }

  #greet(): void {
    const position = this.#position ? { recover: true, ...this.#position } : {};
    const subscribe = { channel: this.#parts.channel, ...position };
    const commands = `{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe })}`;
    this.#socket?.write(frameOf(1, Buffer.from(commands)));
  }

  /** Takes one frame; returns its length, 0 when it is not whole. */
  #takeFrame(bytes: Buffer): number {
    if (bytes.length < 2) return 0;
    const short = (bytes[1] as number) & 127;
    const from = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < from) return 0;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < from + length) return 0;
    const payload = bytes.subarray(from, from + length);
    const opcode = (bytes[0] as number) & 15;
    if (opcode === 8) {
      this.#socket?.write(frameOf(8, payload.subarray(0, 2)));
      this.#ended(length >= 2 ? payload.readUInt16BE(0) : 1005);
    } else if (opcode === 9) this.#socket?.write(frameOf(10, payload));
    else for (const line of payload.toString("utf8").split("\n")) this.#takeLine(line);
    return from + length;
  }

  #takeLine(line: string): void {
    if (line === "{}") return void this.#socket?.write(PONG);
    const { id, subscribe, push, error } = JSON.parse(line) as {
      id?: number;
      error?: object;
      subscribe?: { offset: number; epoch: string; recovered?: boolean; publications?: Publication[] };
      push?: { pub?: Publication; unsubscribe?: object };
    };
    if (error || push?.unsubscribe) return void this.#socket?.destroy();
    if (push?.pub) this.#publication(push.pub);
    if (id === 1) this.#step = 0;
    if (id !== 2 || !subscribe) return;
    clearTimeout(this.#timer);
    this.#subscribed(subscribe);
  }

  #subscribed(result: { offset?: number; epoch?: string; recovered?: boolean; publications?: Publication[] }): void {
    const { offset = 0, epoch = "", recovered = false, publications = [] } = result;
    if (!this.#position) this.last = offset;
    else if (!recovered) {
      this.faults.unrecovered++;
      this.last = offset;
    }
    this.#position = { offset: recovered && this.#position ? this.#position.offset : offset, epoch };
    for (const publication of publications) this.#publication(publication);
    this.#isSubscribed = true;
    this.returns++;
    this.#parts.subscribed?.();
  }

  #publication({ data, offset = 0 }: Publication): void {
    if (this.#position) this.#position.offset = offset;
    if (data > this.last + 1) this.faults.lost += data - this.last - 1;
    else if (data === this.last) this.faults.twice++;
    else if (data < this.last) this.faults.disordered++;
    this.last = Math.max(this.last, data);
    this.#parts.published?.();
  }
}

/** A masked frame; the key of a test may be 0. */
function frameOf(opcode: number, payload: Uint8Array): Buffer {
  const head = payload.length < 126 ? Buffer.alloc(6) : Buffer.alloc(8);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | Math.min(payload.length, 126);
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}
