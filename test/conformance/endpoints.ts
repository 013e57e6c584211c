import { once } from "node:events";
import type { AddressInfo } from "node:net";
import WebSocket, { type PerMessageDeflateOptions, WebSocketServer } from "ws";
import { type Connect, connectNet, dial, type NetpollDialer } from "../../src/dial/index.ts";
import { createServer, type ServerOptions } from "../../src/index.ts";
import { type DeflateAgreement, deflateOffer, messageFrames, messages, readDeflateAnswer } from "../../src/ws/index.ts";
import { compressionDefaults, zlibCodec } from "../../src/zlib.ts";
import { type Case, type Expectation, echoes, MESSAGE_BYTES_MAX, op } from "./cases.ts";
import type { EchoClient, EchoServer, Exceptions } from "./endpoint.ts";

/** The endpoints that the suite is run against, each made an echo endpoint. */

/** Belfry's server; `options` are added to the suite's own. */
export function belfryServer(driver: "native" | "portable", options: ServerOptions = {}): EchoServer {
  return {
    role: "server",
    name: `Belfry, ${driver} driver`,
    async start() {
      const server = createServer({
        driver,
        zeroCopy: true,
        messageBytesMax: MESSAGE_BYTES_MAX,
        outboxBytesMax: 2 * MESSAGE_BYTES_MAX,
        packet: (connection, packet) => void connection.send(packet),
        ...options,
      });
      const { port } = await server.listen({ host: "127.0.0.1" });
      return { port, stop: () => server.close() };
    },
  };
}

const HELLO = { opcode: op.TEXT, payload: "Hello" };

/** Belfry's client over node:net or its own poller; `deflate` is what it asks for of permessage-deflate. */
export function belfryClient(over: "node:net" | NetpollDialer, deflate?: DeflateAgreement): EchoClient {
  const name = typeof over === "string" ? over : `netpoll, ${over.driver} driver`;
  const connect = typeof over === "string" ? connectNet({ dialQueueBytesMax: 2 * MESSAGE_BYTES_MAX }) : over.connect;
  return {
    role: "client",
    name: `Belfry over ${name}`,
    connect: (url) => void echo(url, connect, deflate).catch(() => {}),
  };
}

/** Rejects with whatever ended the connection; the tester has seen it. */
async function echo(url: string, connect: Connect, wishes: DeflateAgreement | undefined): Promise<void> {
  const dialed = await dial(url, { connect, extensions: wishes ? deflateOffer(wishes) : "" });
  try {
    const agreed = wishes && readDeflateAnswer(dialed.extensions, wishes);
    const codec = agreed && zlibCodec(agreed, "client", { ...compressionDefaults, thresholdBytes: 0 });
    const options = { server: false, messageBytesMax: MESSAGE_BYTES_MAX, codec, send: dialed.write };
    for await (const message of messages(dialed.source, options)) {
      const text = message.isText ? message.text() : message.bytes;
      for (const frame of messageFrames(text, { server: false, codec })) await dialed.write(frame);
    }
    dialed.end();
  } catch (error) {
    dialed.end();
    throw error;
  }
}

/** Where ws differs from the suite. */
const wsExceptions: Exceptions = {
  "1.3.5": { why: "2^63 is too large before it is malformed", expect: () => ({ replies: [], end: [1009] }) },
  "1.4": { why: "it takes lengths that are not minimal", expect: echoed },
  "6.4": { why: "it judges a text when it is whole", late: true },
  "12.7.7": { why: "zlib's stream ends with a final block", expect: () => ({ replies: [HELLO], end: "clean" }) },
  "12.7.9": { why: "it begins a new stream after a final block", expect: () => ({ replies: [HELLO], end: [1007] }) },
};

/** It reads numbers as JavaScript does, and looks at the first of several answers. */
const wsLenient = /=(0\d|0x|\+|1e)|^permessage-deflate, permessage-deflate$/;

function echoed({ send }: Case): Expectation {
  return { replies: echoes(send), end: "clean" };
}

const wsOptions = { maxPayload: MESSAGE_BYTES_MAX, maxFragments: 0, maxBufferedChunks: 0 };

/** The client of npm's ws: what any client must be made to be run here. */
export function wsClient(perMessageDeflate: boolean | PerMessageDeflateOptions = false): EchoClient {
  return {
    role: "client",
    name: "npm ws",
    exceptions: wsExceptions,
    compressesAll: true,
    excuses: (extensions) => wsLenient.test(extensions),
    connect(url) {
      const client = new WebSocket(url, { perMessageDeflate, ...wsOptions });
      client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
      client.on("error", () => {});
    },
  };
}

/** The server of npm's ws; `setting` is the name of how it is set up to compress. */
export function wsServer(setting: string, perMessageDeflate: PerMessageDeflateOptions): EchoServer {
  return {
    role: "server",
    name: `npm ws, ${setting}`,
    exceptions: wsExceptions,
    compressesAll: true,
    takes: (offer) => wsTakes(offer, perMessageDeflate),
    excuses: (offer, status) => wsLenient.test(offer) || status === 400,
    async start() {
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate, ...wsOptions });
      server.on("connection", (client) => {
        client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
        client.on("error", () => {});
      });
      await once(server, "listening");
      const stop = () => new Promise((resolve) => server.close(resolve));
      return { port: (server.address() as AddressInfo).port, stop };
    },
  };
}

/** A window that it is set up to is not made smaller by an offer, and that of a client only if the client knows how. */
function wsTakes(offer: string, { serverMaxWindowBits, clientMaxWindowBits }: PerMessageDeflateOptions): boolean {
  const asked = Number(/server_max_window_bits="?(\d+)/.exec(offer)?.[1] ?? 15);
  if (serverMaxWindowBits !== undefined && asked < serverMaxWindowBits) return false;
  if (clientMaxWindowBits === undefined) return true;
  const able = /client_max_window_bits(?:="?(\d+))?/.exec(offer);
  return able !== null && Number(able[1] ?? 15) >= clientMaxWindowBits;
}
