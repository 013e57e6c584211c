import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Duplex } from "node:stream";
import { Upgrader, webSocketStream } from "belfry/ws";
import { ask } from "./ask.ts";
import { upgrade } from "./upgrade.ts";

const upgrader = new Upgrader();

const server = createServer(async (socket) => {
  socket.on("error", () => {});
  if (!(await upgrade(socket, upgrader).catch(() => undefined))) return void socket.end();
  const { readable, writable, closed } = webSocketStream(Duplex.toWeb(socket), { server: true });
  // A slow reader slows its writer down: nothing piles up in between.
  readable
    .pipeThrough(numbered())
    .pipeTo(writable)
    .catch(() => {});
  console.log((await closed).code);
});

function numbered(): TransformStream<string | Uint8Array, string> {
  let number = 1;
  return new TransformStream({
    transform: (message, controller) => controller.enqueue(`${number++}: ${message}`),
  });
}

await once(server.listen(0), "listening");
const { port } = server.address() as AddressInfo;
console.log(await ask(`ws://localhost:${port}/`, ["one", "two"]));
server.close();
