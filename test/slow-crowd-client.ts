import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { WEBSOCKET_PATH } from "../src/push/index.ts";
import { frame, request } from "./raw-client.ts";

const TEXT = 1;
const PING = 9;
const PONG = 10;
const CLOSE = 8;

/** A client of the notification API that costs little and answers pings, so that one process can hold thousands of them. */
export class CrowdClient {
  readonly socket: Socket;
  /** Called for each text frame, and at the end of the stream with undefined. */
  #take: (text: string | undefined) => void;
  #bytes: Buffer = Buffer.alloc(0);
  #upgraded = false;

  private constructor(port: number, take: (text: string | undefined) => void) {
    this.#take = take;
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("data", (chunk) => this.#read(chunk));
    this.socket.on("error", () => {});
    this.socket.once("close", () => this.#take(undefined));
  }

  /** Connects and subscribes to channels; resolves when all is answered. */
  static async open(port: number, channels: readonly string[], take: (text: string | undefined) => void) {
    let answered = () => {};
    const whole = new Promise<void>((resolve) => {
      answered = resolve;
    });
    let replies = 0;
    const client = new CrowdClient(port, (text) => {
      if (text === undefined) throw new Error("closed before all was answered");
      replies += text.split("\n").filter((line) => line.startsWith('{"id"')).length;
      if (replies <= channels.length) return;
      client.#take = take;
      answered();
    });
    await once(client.socket, "connect");
    const commands = [{ connect: {} }, ...channels.map((channel) => ({ subscribe: { channel } }))];
    const lines = commands.map((command, i) => JSON.stringify({ id: i + 1, ...command })).join("\n");
    client.socket.write(Buffer.concat([Buffer.from(request({}, WEBSOCKET_PATH)), frame(1, lines)]));
    await whole;
    return client;
  }

  #read(chunk: Buffer): void {
    let bytes = this.#bytes.length > 0 ? Buffer.concat([this.#bytes, chunk]) : chunk;
    if (!this.#upgraded) {
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) {
        this.#bytes = bytes;
        return;
      }
      bytes = bytes.subarray(end + 4);
      this.#upgraded = true;
    }
    let at = 0;
    while (at + 2 <= bytes.length) {
      const short = (bytes[at + 1] as number) & 0x7f;
      const header = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (at + header > bytes.length) break;
      const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUIntBE(at + 4, 6);
      if (at + header + length > bytes.length) break;
      this.#frame((bytes[at] as number) & 15, bytes.subarray(at + header, at + header + length));
      at += header + length;
    }
    this.#bytes = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }

  #frame(opcode: number, payload: Buffer): void {
    if (opcode === PING) this.socket.write(frame(PONG, payload));
    else if (payload.length === 2) this.socket.write(frame(TEXT, "{}"));
    else if (opcode !== CLOSE) this.#take(payload.toString("latin1"));
  }
}
