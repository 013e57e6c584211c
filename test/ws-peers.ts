import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";

/** A TCP socket of ours after its opening handshake, and the peer of the package `ws` at its other end. */
export interface Pair {
  readonly socket: Socket;
  readonly peer: WebSocket;
}

/** Bytes that may stand between the two handshakes' ends and the first frame: kept in the socket, to be read next. */
async function readHead(socket: Socket): Promise<string> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const end = bytes.indexOf("\r\n\r\n");
    if (end >= 0) {
      socket.unshift(bytes.subarray(end + 4));
      return bytes.toString("latin1", 0, end);
    }
    const [chunk] = (await once(socket, "data")) as [Buffer];
    socket.pause();
    bytes = Buffer.concat([bytes, chunk]);
  }
}

/** This end is the server, `ws` the client. */
export async function serverPair(t: TestContext): Promise<Pair> {
  const listener = createServer({ noDelay: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as { port: number };
  const peer = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  const [socket] = (await once(listener, "connection")) as [Socket];
  end(t, socket, peer, () => listener.close());
  const key = /^sec-websocket-key: *(\S+)/im.exec(await readHead(socket))?.[1];
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  socket.write([...lines, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n"));
  await once(peer, "open");
  return { socket, peer };
}

/** This end is the client, `ws` the server. */
export async function clientPair(t: TestContext): Promise<Pair> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const lines = ["GET / HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"];
  const key = Buffer.alloc(16).toString("base64");
  socket.write([...lines, "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${key}`, "", ""].join("\r\n"));
  const [[peer]] = (await Promise.all([once(server, "connection"), readHead(socket)])) as [[WebSocket], string];
  end(t, socket, peer, () => server.close());
  return { socket, peer };
}

function end(t: TestContext, socket: Socket, peer: WebSocket, close: () => void): void {
  t.after(() => {
    socket.destroy();
    peer.terminate();
    close();
  });
}
