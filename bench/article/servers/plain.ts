import type { WebSocket } from "ws";
import { serveWs } from "./ws-server.ts";

// What `ws` and net.Socket need by themselves: the application has nothing for a connection, not even a closure.

function echo(this: WebSocket, packet: Buffer): void {
  this.send(packet, { binary: false });
}

serveWs((socket) => void socket.on("message", echo));
