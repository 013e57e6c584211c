import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

// A server over ws that says no more than a crowd needs, to compare with: `node ws-server.js`.
const channels = new Map<string, Set<WebSocket>>();
const server = new WebSocketServer({ host: "0.0.0.0", port: 0, perMessageDeflate: false, backlog: 4096 }, () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ msg: `listening on 0.0.0.0 port ${port}: ws:` })}\n`);
});
server.on("connection", (socket) => {
  const own = new Set<string>();
  socket.on("error", () => {});
  socket.on("message", (data) => {
    const replies = data
      .toString()
      .split("\n")
      .map((line) => answer(line, socket, own));
    socket.send(replies.join("\n"));
  });
  socket.on("close", () => {
    for (const channel of own) channels.get(channel)?.delete(socket);
  });
});

function answer(line: string, socket: WebSocket, own: Set<string>): string {
  const { id, subscribe } = JSON.parse(line) as { id: number; subscribe?: { channel: string } };
  if (!subscribe) return JSON.stringify({ id, connect: { client: `${id}`, ping: 25, pong: true } });
  const subscribers = channels.get(subscribe.channel) ?? new Set();
  channels.set(subscribe.channel, subscribers.add(socket));
  own.add(subscribe.channel);
  return JSON.stringify({ id, subscribe: { recoverable: true, recovered: true, offset: 0, epoch: "a" } });
}
