// uWebSockets.js: an echo on /echo, and channels as its own topics on every other path. UWS_BINARY: see uws-shim.mjs.
import { answer, push } from "./channels.mjs";
import { host, listens, port } from "./options.mjs";

const binding = { exports: {} };
process.dlopen(binding, process.env.UWS_BINARY);
const uws = binding.exports;

const limits = { idleTimeout: 960, maxPayloadLength: 1 << 20, maxBackpressure: 1 << 20 };
const app = uws.App();
app.ws("/echo", {
  ...limits,
  message: (socket, message, isBinary) => socket.send(message, isBinary),
});
app.ws("/*", {
  ...limits,
  message(socket, message) {
    const replies = answer(Buffer.from(message).toString(), (channel) => socket.subscribe(channel));
    if (replies !== "") socket.send(replies);
  },
});
app.post("/api/broadcast", (response) => {
  let body = "";
  response.onAborted(() => {});
  response.onData((chunk, isLast) => {
    body += Buffer.from(chunk).toString();
    if (!isLast) return;
    const { channels, data } = JSON.parse(body);
    for (const channel of channels) app.publish(channel, push(channel, data));
    response.end('{"result":{}}');
  });
});
app.listen(host, port, (socket) => listens("uws", uws.us_socket_local_port(socket)));
process.on("SIGUSR2", () => globalThis.gc?.());
