// The same echo on `ws`, as its own documents would have it.
import { WebSocketServer } from "ws";

const at = process.argv.indexOf("--port");
new WebSocketServer({ port: at < 0 ? 9002 : Number(process.argv[at + 1]), host: "127.0.0.1" }).on(
  "connection",
  (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  },
);
process.on("SIGUSR2", () => globalThis.gc?.());
