import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { serves } from "./serve.ts";

/** `ws` on node:http, as its documents have it; what a connection is given is the step's. */
export function serveWs(open: (socket: WebSocket) => void): void {
  const http = createServer();
  new WebSocketServer({ server: http }).on("connection", open);
  http.listen(0, "127.0.0.1", () => serves((http.address() as AddressInfo).port));
}
