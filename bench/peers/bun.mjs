// Bun.serve: an echo on /echo, and channels as its own topics on every other path.
import { answer, push } from "./channels.mjs";
import { host, listens, port } from "./options.mjs";

const server = Bun.serve({
  hostname: host,
  port,
  async fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/broadcast") {
      const { channels, data } = await request.json();
      for (const channel of channels) server.publish(channel, push(channel, data));
      return Response.json({ result: {} });
    }
    if (server.upgrade(request, { data: { isEcho: pathname === "/echo" } })) return;
    return new Response("not a WebSocket", { status: 400 });
  },
  websocket: {
    idleTimeout: 960,
    maxPayloadLength: 1 << 20,
    message(socket, message) {
      if (socket.data.isEcho) return void socket.send(message);
      const replies = answer(message, (channel) => socket.subscribe(channel));
      if (replies !== "") socket.send(replies);
    },
  },
});
listens("bun", server.port);
process.on("SIGUSR2", () => Bun.gc(true));
