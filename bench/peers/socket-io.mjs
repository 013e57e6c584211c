// Socket.IO over WebSocket alone: the event "m" comes back, and "subscribe" joins a room, whose members are told "m".
import { createServer } from "node:http";
import { Server } from "socket.io";
import { onBroadcast } from "./broadcast.mjs";
import { host, listens, port } from "./options.mjs";

const http = createServer(onBroadcast((channel, data) => io.to(channel).emit("m", data)));
const io = new Server(http, { transports: ["websocket"], serveClient: false });
io.on("connection", (socket) => {
  socket.on("m", (data) => socket.emit("m", data));
  socket.on("subscribe", async (channel, joined) => {
    await socket.join(channel);
    joined();
  });
});
http.listen({ host, port, backlog: 4096 }, () => listens("socket.io", http.address().port));
process.on("SIGUSR2", () => globalThis.gc?.());
