import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { constants, deflateRawSync } from "node:zlib";
import { frame, request } from "./raw-client.ts";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const BOMB_BYTES = 50_000_000;

/** What one hostile peer does, from its connect to the end. Resolves when its socket is closed. */
export type Attack = (port: number) => Promise<void>;

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
}

/** Waits until the server has ended its half, or the connection. */
async function over(socket: Socket): Promise<void> {
  if (socket.readableEnded || socket.closed) return;
  socket.resume();
  await Promise.race([once(socket, "end"), once(socket, "close")]);
}

/** Connects and upgrades; what comes then is thrown away. */
export async function upgraded(port: number, headers: Record<string, string> = {}): Promise<Socket> {
  const socket = await open(port);
  socket.write(request(headers));
  await Promise.race([once(socket, "data"), once(socket, "close")]);
  socket.resume();
  return socket;
}

/** The peer is gone with a reset: no byte of it can be answered. */
async function reset(socket: Socket): Promise<void> {
  const closed = once(socket, "close");
  socket.resetAndDestroy();
  if (!socket.closed) await closed;
}

/** Says something and waits for the server to end the connection, as it has to. */
async function untilEnded(socket: Socket, ...bytes: (string | Uint8Array)[]): Promise<void> {
  for (const part of bytes) socket.write(part);
  await over(socket);
  socket.destroy();
  if (!socket.closed) await once(socket, "close");
}

/** Sends more and more until the server ends the connection. */
async function flood(socket: Socket, bytes: string | Uint8Array): Promise<void> {
  let going = true;
  const ended = over(socket).then(() => {
    going = false;
  });
  while (going) {
    socket.write(bytes);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
  socket.destroy();
  if (!socket.closed) await once(socket, "close");
}

/** Each attack by what it is; all are over at a time that the server sets, or at once. */
export const attacks: Readonly<Record<string, Attack>> = {
  "connects and leaves": async (port) => {
    const socket = await open(port);
    socket.destroy();
    if (!socket.closed) await once(socket, "close");
  },
  "resets before the head": async (port) => reset(await open(port)),
  "resets in mid-head": async (port) => {
    const socket = await open(port);
    socket.write(request().slice(0, 60));
    await reset(socket);
  },
  "resets right behind the head": async (port) => {
    const socket = await open(port);
    socket.write(request());
    await reset(socket);
  },
  "resets after the upgrade": async (port) => reset(await upgraded(port)),
  "resets in mid-frame": async (port) => {
    const socket = await upgraded(port);
    socket.write(frame(BINARY, Buffer.alloc(5000)).subarray(0, 3000));
    await reset(socket);
  },
  "resets in mid-message": async (port) => {
    const socket = await upgraded(port);
    socket.write(frame(BINARY, Buffer.alloc(5000), { fin: false }));
    await reset(socket);
  },
  "resets behind its close frame": async (port) => {
    const socket = await upgraded(port);
    socket.write(frame(CLOSE, Buffer.from([0x03, 0xe8])));
    await reset(socket);
  },
  "resets instead of an answer to the close frame": async (port) => {
    const socket = await upgraded(port);
    socket.write(frame(TEXT, "close me"));
    await Promise.race([once(socket, "data"), over(socket)]);
    await reset(socket);
  },
  "does not answer the close frame": async (port) => untilEnded(await upgraded(port), frame(TEXT, "close me")),
  "ends its half in mid-head": async (port) => {
    const socket = await open(port);
    socket.end(request().slice(0, 60));
    await untilEnded(socket);
  },
  "ends its half after the upgrade": async (port) => {
    const socket = await upgraded(port);
    socket.end();
    await untilEnded(socket);
  },
  "ends its half in mid-frame": async (port) => {
    const socket = await upgraded(port);
    socket.end(frame(BINARY, Buffer.alloc(5000)).subarray(0, 3000));
    await untilEnded(socket);
  },
  "sends half a head and then nothing": async (port) => untilEnded(await open(port), request().slice(0, 60)),
  "sends half a frame and then nothing": async (port) =>
    untilEnded(await upgraded(port), frame(BINARY, Buffer.alloc(5000)).subarray(0, 3000)),
  "answers no ping": async (port) => untilEnded(await upgraded(port)),
  "sends a TLS ClientHello": async (port) => untilEnded(await open(port), clientHello()),
  "sends the preface of HTTP/2": async (port) => untilEnded(await open(port), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  "sends a head without an end": async (port) => {
    const socket = await open(port);
    socket.write("GET / HTTP/1.1\r\n");
    await flood(socket, `X-Filler: ${"x".repeat(1000)}\r\n`);
  },
  "sends one header line without an end": async (port) => flood(await open(port), "x".repeat(1000)),
  "announces 2^63-1 bytes": async (port) =>
    flood(await upgraded(port), Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4])),
  "floods with pings": async (port) =>
    flood(await upgraded(port), Buffer.concat(Array.from({ length: 2000 }, () => frame(PING, "")))),
  "floods with fragments": async (port) => {
    const socket = await upgraded(port);
    socket.write(frame(BINARY, "", { fin: false }));
    await flood(socket, Buffer.concat(Array.from({ length: 500 }, () => frame(0, "", { fin: false }))));
  },
  "sends a zip bomb": async (port) => {
    const socket = await upgraded(port, { "Sec-WebSocket-Extensions": "permessage-deflate" });
    await untilEnded(socket, frame(BINARY, bomb(), { rsv: 4 }));
  },
  "sends a zip bomb in fragments": async (port) => {
    const socket = await upgraded(port, { "Sec-WebSocket-Extensions": "permessage-deflate" });
    const bytes = bomb();
    const half = bytes.length >> 1;
    await untilEnded(
      socket,
      frame(BINARY, bytes.subarray(0, half), { fin: false, rsv: 4 }),
      frame(0, bytes.subarray(half)),
    );
  },
};

let bombBytes: Buffer | undefined;

/** As RFC 7692 has it: raw deflate, flushed, without the last four bytes. */
function bomb(): Buffer {
  bombBytes ??= deflateRawSync(Buffer.alloc(BOMB_BYTES), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  return bombBytes;
}

/** The record of a ClientHello as browsers begin with, followed by what may be anything. */
function clientHello(): Buffer {
  const body = Buffer.alloc(508, 0x5a);
  return Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]), body]);
}
