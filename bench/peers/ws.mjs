// `ws` on node:http: an echo on /echo, and channels as a Map of Sets on every other path.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { onBroadcast } from "./broadcast.mjs";
import { answer, push } from "./channels.mjs";
import { host, listens, port } from "./options.mjs";

const channels = new Map();
const server = createServer(
  onBroadcast((channel, data) => {
    const text = push(channel, data);
    for (const socket of channels.get(channel) ?? []) socket.send(text);
  }),
);

new WebSocketServer({ server }).on("connection", (socket, { url }) => {
  socket.on("error", () => {});
  if (url === "/echo") socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  else member(socket);
});

function member(socket) {
  const own = new Set();
  socket.on("message", (data) => {
    const replies = answer(data.toString(), (channel) => {
      const subscribers = channels.get(channel) ?? new Set();
      channels.set(channel, subscribers.add(socket));
      own.add(channel);
    });
    if (replies !== "") socket.send(replies);
  });
  socket.on("close", () => {
    for (const channel of own) {
      const subscribers = channels.get(channel);
      subscribers.delete(socket);
      if (subscribers.size === 0) channels.delete(channel);
    }
  });
}

server.listen({ host, port, backlog: 4096 }, () => listens("ws", server.address().port));
process.on("SIGUSR2", () => globalThis.gc?.());
