import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { compileFrame, messages, Upgrader } from "belfry/ws";
import { ask } from "./ask.ts";
import { upgrade } from "./upgrade.ts";

const upgrader = new Upgrader();

const server = createServer((socket) => {
  socket.on("error", () => {}); // the loops below are told too
  serve(socket).catch(() => socket.destroy());
});

async function serve(socket: Socket): Promise<void> {
  if (!(await upgrade(socket, upgrader))) return void socket.end();
  const send = (frame: Uint8Array) => new Promise<void>((sent) => socket.write(frame, () => sent()));
  for await (const message of messages(socket, { server: true, send })) {
    await send(compileFrame(message.opcode, message.bytes));
  }
}

await once(server.listen(0), "listening");
const { port } = server.address() as AddressInfo;
console.log(await ask(`ws://localhost:${port}/`, ["hello", "again"]));
server.close();
